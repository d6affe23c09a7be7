"""The API of LibreTranslate 1.9: POST /translate, GET /languages, GET /health. Errors are {"error": "..."}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from babel import Locale
from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile

from service.api.dependencies import ServicesDependency, translate_and_note
from service.errors import EngineUnavailableError, InvalidRequestError, RequestTooLargeError
from service.pipeline.translation import TranslationOptions, TranslationRequest

_FIELDS: dict[str, Any] = {
    "type": "object",
    "required": ["q", "source", "target"],
    "properties": {
        "q": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "source": {"type": "string", "example": "en"},
        "target": {"type": "string", "example": "ru"},
        "format": {"type": "string", "enum": ["text"], "default": "text"},
        "alternatives": {"type": "integer", "minimum": 0, "default": 0},
        "api_key": {"type": "string", "description": "Ignored"},
    },
}
_MEDIA_TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_BODY = {"requestBody": {"content": {media_type: {"schema": _FIELDS} for media_type in _MEDIA_TYPES}}}

MOST_FIELDS = 100

router = APIRouter(tags=["LibreTranslate"])


@router.post("/translate", openapi_extra=_BODY)
async def translate(request: Request) -> dict[str, Any]:
    """Translate `q`, which comes as JSON, urlencoded, multipart or in the query string."""
    fields = await _read_fields(request)
    q = _texts(fields.get("q"))
    alternatives = _count(fields.get("alternatives", 0))
    if _string(fields, "format", "text") != "text":
        raise InvalidRequestError("format", f"{fields['format']!r} is not supported; allowed: 'text'")
    source = _string(fields, "source")
    if source == "auto":
        raise InvalidRequestError("source", "'auto' is not supported: name the language (see /languages)")
    asked = TranslationRequest(
        texts=(q,) if isinstance(q, str) else tuple(q),
        source=source,
        target=_string(fields, "target"),
        options=TranslationOptions(n_best=alternatives + 1),
    )
    try:
        result = await translate_and_note(request, asked)
    except RequestTooLargeError as error:  # LibreTranslate says 400, not 413
        raise InvalidRequestError("q", str(error)) from error
    texts = [each.best.text for each in result.translations]
    others = [[other.text for other in each.alternatives] for each in result.translations]
    answer: dict[str, Any] = {"translatedText": texts[0] if isinstance(q, str) else texts}
    if alternatives:
        answer["alternatives"] = others[0] if isinstance(q, str) else others
    return answer


@router.get("/languages")
async def languages(services: ServicesDependency) -> list[dict[str, Any]]:
    """Every served language with what it can be translated to: itself (unchanged), directly, or through the pivot."""
    catalogue = services.models.catalogue()
    return [
        {"code": code, "name": _name(code), "targets": sorted([*catalogue.targets(code), code])}
        for code in catalogue.languages
    ]


@router.get("/health")
async def health(services: ServicesDependency) -> dict[str, str]:
    """Whether requests are answered (LibreTranslate itself always says so)."""
    if reasons := services.models.unready():
        raise EngineUnavailableError("; ".join(reasons))
    return {"status": "ok"}


async def _read_fields(request: Request) -> Mapping[str, object]:
    """The fields of a request in any of the four ways."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return _json_object(await request.body())
    fields: dict[str, object]
    if media_type == "application/x-www-form-urlencoded":
        fields = _form_fields(await request.body())
    else:
        form = await request.form()
        fields = {key: value for key, value in form.items() if not isinstance(value, UploadFile)}
    return fields | dict(request.query_params)


def _form_fields(body: bytes) -> dict[str, object]:
    """Urlencoded fields, as UTF-8 whether percent-encoded or, as a plain `curl -d` sends them, raw.

    The framework's own parser takes raw bytes for Latin-1, and replaces what is not UTF-8 without a word.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise InvalidRequestError("body", f"not a form in UTF-8 of at most {MOST_FIELDS} fields: {error}") from error
    return dict(pairs)


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("body", f"not valid JSON: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidRequestError("body", "JSON, but not an object")
    return fields


def _texts(q: object) -> str | list[str]:
    if not q:
        raise InvalidRequestError("q", "missing q parameter")
    if isinstance(q, str):
        return q
    if isinstance(q, list):
        texts = [each for each in q if isinstance(each, str)]
        if len(texts) == len(q):
            return texts
    raise InvalidRequestError("q", "must be a string or a list of strings")


def _string(fields: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = fields.get(name) or default
    if value is None:
        raise InvalidRequestError(name, f"missing {name} parameter")
    if not isinstance(value, str):
        raise InvalidRequestError(name, "must be a string")
    return value


def _count(value: object) -> int:
    """`alternatives`, a number or, in a form, its digits."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidRequestError("alternatives", f"{str(value)[:40]!r} is not an integer of at least 0")
    return value


def _name(code: str) -> str:
    """The English name of a language, its code if it has none."""
    return str(Locale("en").languages.get(code.replace("-", "_"), code))
