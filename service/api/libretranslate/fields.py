"""The fields of a request in any of the ways that LibreTranslate takes them: JSON, urlencoded, multipart, query."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from service.api.admission import admit
from service.api.dependencies import services_of
from service.api.libretranslate.answers import FORM, MULTIPART
from service.api.libretranslate.messages import invalid, missing
from service.errors import ApiKeyError
from service.pipeline.translation import FORMATS, Format

MOST_FIELDS = 100
_DIGITS = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True)
class File:
    """An uploaded file; its name is whatever the client says."""

    name: str
    content: bytes


class Fields:
    """Fields by name, checked as they are asked for. Everything wrong is a 400 that names the field."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self._fields = fields

    def texts(self, name: str) -> str | list[str]:
        """A text or, in JSON, a list of texts; not empty."""
        value = self._fields.get(name)
        if not value:
            raise missing(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            texts = [each for each in value if isinstance(each, str)]
            if len(texts) == len(value):
                return texts
        raise invalid(f"{name} parameter must be a string or a list of strings")

    def text(self, name: str, default: str | None = None) -> str:
        """A string that is not empty, or `default` where that is given."""
        value = self._fields.get(name)
        if value is None or value == "":
            value = default
        if value is None:
            raise missing(name)
        if not isinstance(value, str):
            raise invalid(f"{name} parameter must be a string")
        return value

    def count(self, name: str, most: int) -> int:
        """A number or, in a form, its digits; 0 where it is missing, empty or null."""
        value = self._fields.get(name)
        if value is None or value == "":
            return 0
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(f"{name} parameter is not a number")
        if not 0 <= value <= most:
            raise invalid(f"{name} parameter must be {'<= ' + str(most) if value > most else '>= 0'}")
        return value

    def key(self) -> str | None:
        """The API key, if there is one."""
        value = self._fields.get("api_key")
        return value if value and isinstance(value, str) else None

    def format(self) -> Format:
        """What q is written in."""
        value = self.text("format", "text")
        for known in FORMATS:
            if value == known:
                return known
        raise HTTPException(400, f"{value[:40]} format is not supported; allowed: {', '.join(FORMATS)}")

    def file(self, name: str) -> File:
        """An uploaded file with a name."""
        value = self._fields.get(name)
        if not isinstance(value, File):
            raise missing(name)
        if not value.name:
            raise invalid("empty file")
        return value


async def read_fields(request: Request) -> Fields:
    """The fields of a request, whose sender is admitted by `api_key` if no Authorization header did so before.

    Raises:
        HTTPException: fields that cannot be read, or a key that is none. QuotaError: too many requests.
    """
    fields = await _read_fields(request)
    if not hasattr(request.state, "caller"):
        try:
            await admit(services_of(request).access, request, fields.key())
        except ApiKeyError as error:
            missing_key = "Please contact the server operator to get an API key"
            raise HTTPException(*((400, missing_key) if error.missing else (403, "Invalid API key"))) from error
    return fields


async def _read_fields(request: Request) -> Fields:
    """The fields of a request. In a form, those of the query string go first, and the first of a name counts."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return Fields(_json_object(await request.body()))
    query = _form_fields(request.scope["query_string"], "query string")
    if media_type == MULTIPART:
        async with request.form(max_files=1, max_fields=MOST_FIELDS) as form:
            first = {key: form.getlist(key)[0] for key in form}
            read = {key: await _read(value) if isinstance(value, UploadFile) else value for key, value in first.items()}
        return Fields({**read, **query})
    body = await request.body()
    if media_type == FORM:
        return Fields(_form_fields(body, "body") | query)
    if body:
        allowed = f"application/json, {FORM}, {MULTIPART}"
        raise invalid(f"Content-Type {media_type[:100] or 'is missing and'} is not supported; allowed: {allowed}")
    return Fields(query)


async def _read(upload: UploadFile) -> File:
    return File(upload.filename or "", await upload.read())


def _form_fields(encoded: bytes, where: str) -> dict[str, object]:
    """Urlencoded fields, as UTF-8 whether percent-encoded or, as a plain `curl -d` sends them, raw.

    The framework's own parser takes raw bytes for Latin-1, and replaces what is not UTF-8 without a word.
    """
    try:
        pairs = parse_qsl(encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise invalid(f"the {where} is no form in UTF-8 of at most {MOST_FIELDS} fields: {error}") from error
    return dict(reversed(pairs))


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"Invalid JSON format: {error}") from error
    if not isinstance(fields, dict):
        raise HTTPException(400, "Invalid JSON format: not an object")
    return fields
