"""Named glossaries: PUT, GET and DELETE /v1/glossaries/{name}, and the list of them."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from service.api.admission import admit, bearer, caller_of
from service.api.dependencies import services_of
from service.api.glossary_schemas import (
    GlossariesAnswer,
    GlossaryAnswer,
    GlossaryBody,
    TermBody,
    TermsBody,
)
from service.api.schemas import ErrorBody
from service.errors import InvalidRequestError
from service.glossaries import GlossaryInfo
from service.pipeline.translation import AUTO, GLOSSARY_NEEDS_SOURCE
from service.text.glossary import GlossaryTerm
from service.text.glossary_files import read_terms

_KINDS = {
    "text/tab-separated-values": "tsv",
    "text/csv": "csv",
    "application/x-tbx+xml": "tbx",
    "application/xml": "tbx",
    "text/xml": "tbx",
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "Terms that are none, or a pair that is not served"},
    401: {"model": ErrorBody, "description": "Not a key of this service, or none where one is required"},
    404: {"model": ErrorBody, "description": "No such glossary, or another key's"},
    413: {"model": ErrorBody, "description": "Too large"},
    429: {"model": ErrorBody, "description": "A quota used up; Retry-After"},
    503: {"model": ErrorBody, "description": "Loading, or glossaries cannot be read or written; Retry-After"},
    "default": {"model": ErrorBody, "description": "Any other error"},
}
_TERMS = TermsBody.model_json_schema(ref_template="#/components/schemas/{model}")
_TERMS.pop("$defs")  # among the components, since a translation may have terms too
_FILES = {media_type: {"schema": {"type": "string"}} for media_type in _KINDS}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _TERMS}, **_FILES},
    },
    "parameters": [
        {
            "name": field,
            "in": "query",
            "required": False,
            "schema": {"type": "string", "maxLength": 35},
            "description": "Language code; of a file, since JSON says it itself.",
        }
        for field in ("source", "target")
    ],
}

router = APIRouter(tags=["v1"], responses=_ERRORS)
Name = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[\w.\-]+$")]


@router.get("/v1/glossaries")
async def names(request: Request) -> GlossariesAnswer:
    """The glossaries of whoever asks."""
    kept = await services_of(request).glossaries.names(await owner_of(request))
    return GlossariesAnswer.model_validate({"glossaries": kept}, from_attributes=True)


@router.put("/v1/glossaries/{name}", openapi_extra=_BODY)
async def put(name: Name, request: Request) -> GlossaryBody:
    """Keep terms under a name, instead of those that it had: as JSON, or as a file in TSV, CSV or TBX."""
    services = services_of(request)
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        given = _json(body)
        source, target, terms = given.source, given.target, [each.term() for each in given.terms]
        _check_agrees(request, "source", source)
        _check_agrees(request, "target", target)
    elif media_type in _KINDS:
        source, target = _language(request, "source"), _language(request, "target")
        # Beside the event loop: a file may have tens of thousands, before they are counted.
        terms = await asyncio.to_thread(read_terms, body, _KINDS[media_type], source, target)
    else:
        allowed = ", ".join(("application/json", *_KINDS))
        raise InvalidRequestError("Content-Type", f"{media_type[:60]!r} is not read; allowed: {allowed}")
    catalogue = services.models.catalogue()
    pair = catalogue.language(source, "source"), catalogue.language(target, "target")
    kept = await services.glossaries.put(await owner_of(request), GlossaryInfo(name, *pair, 0, ""), terms)
    return GlossaryBody.model_validate(kept, from_attributes=True)


@router.get("/v1/glossaries/{name}")
async def get(name: Name, request: Request) -> GlossaryAnswer:
    """A glossary with its terms."""
    info, terms = await services_of(request).glossaries.get(await owner_of(request), name)
    bodies = [TermBody(source=term.source, target=term.target) for term in terms]
    return GlossaryAnswer(**asdict(info), terms=bodies)


@router.delete("/v1/glossaries/{name}", status_code=204)
async def delete(name: Name, request: Request) -> None:
    """Forget a glossary."""
    await services_of(request).glossaries.delete(await owner_of(request), name)


async def owner_of(request: Request) -> str:
    """What the caller's glossaries are kept under: a key. All who have none share theirs."""
    if not hasattr(request.state, "caller"):  # only what has a body was admitted before that was read
        await admit(services_of(request).access, request, bearer(request.headers))
    return caller_of(request).owner


async def kept_terms(request: Request, name: str, source: str, target: str) -> tuple[GlossaryTerm, ...]:
    """The terms of a kept glossary, for a request of a pair of languages, named as people write them."""
    if source.lower() == AUTO:
        raise InvalidRequestError("glossary", GLOSSARY_NEEDS_SOURCE)
    services = services_of(request)
    info, terms = await services.glossaries.get(await owner_of(request), name)
    catalogue = services.models.catalogue()
    pair = catalogue.language(source, "source"), catalogue.language(target, "target")
    if pair != (info.source, info.target):
        served = f"{info.source}-{info.target}"
        raise InvalidRequestError("glossary", f"{name!r} is for {served}; allowed: one for {'-'.join(pair)}")
    return terms


def _json(body: bytes) -> TermsBody:
    try:
        return TermsBody.model_validate_json(body)
    except ValidationError as error:
        if (first := error.errors()[0])["type"] == "json_invalid":
            raise InvalidRequestError("body", f"not valid JSON: {first['ctx']['error']}") from error
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error


def _check_agrees(request: Request, field: str, code: str) -> None:
    """What the query says of a body that says it itself is not passed over."""
    if (other := request.query_params.get(field, code)) != code:
        raise InvalidRequestError(field, f"is {other[:40]!r} in the query; allowed: {code!r}, as in the body, or none")


def _language(request: Request, field: str) -> str:
    code = request.query_params.get(field)
    if code is None:
        raise InvalidRequestError(field, "is missing in the query; allowed: a language code")
    return code
