"""POST /v1/documents, and GET and DELETE of what it made."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response

from service.api.admission import bearer, caller_of
from service.api.dependencies import ServicesDependency, services_of
from service.api.document_schemas import FILE_CONTENT, DocumentAnswer, DocumentForm, document_answer
from service.api.schemas import ErrorBody
from service.documents.jobs import Upload
from service.documents.reading import format_of
from service.documents.store import Job
from service.documents.translation import Order
from service.errors import ServiceError

_KEY = {"model": ErrorBody, "description": "Not a key of this service, or none where one is required"}
_STORE = {"model": ErrorBody, "description": "Loading, or the documents cannot be read or written; Retry-After"}
_OTHER = {"model": ErrorBody, "description": "Any other error"}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "A document that cannot be read, or a pair that is not served"},
    401: _KEY,
    404: {"model": ErrorBody, "description": "No such model"},
    413: {"model": ErrorBody, "description": "Too large"},
    429: {"model": ErrorBody, "description": "Too many documents, or a quota used up; Retry-After"},
    503: _STORE,
    "default": _OTHER,
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    401: _KEY,
    404: {"model": ErrorBody, "description": "No such document, or another key's"},
    503: _STORE,
    "default": _OTHER,
}
_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"description": "The translated document", "content": FILE_CONTENT},
    401: _KEY,
    404: _UNKNOWN[404],
    409: {"model": ErrorBody, "description": "Not translated yet, or failed"},
    503: _STORE,
    "default": _OTHER,
}

router = APIRouter(tags=["v1"])

DocumentFields = Annotated[DocumentForm, Form(media_type="multipart/form-data")]


@router.post("/v1/documents", status_code=202, responses=_REFUSED)
async def upload(
    request: Request, response: Response, fields: DocumentFields, services: ServicesDependency
) -> DocumentAnswer:
    """Have a document translated, behind everything that is interactive. Its formatting is kept."""
    caller = caller_of(request)
    target = services.models.catalogue().language(fields.target, "target")
    upload = Upload(
        fields.file.filename or "",
        await fields.file.read(),
        Order(fields.source, target, fields.model),
        owner=caller.owner,
        client=caller.client,
    )
    read = await services.documents.check(upload)
    counted = await services.access.charge(caller, read.characters)
    try:
        job = await services.documents.submit(upload, read)
    except ServiceError:
        await services.access.give_back(caller, counted)
        raise
    response.headers["Location"] = f"/v1/documents/{job.new.id}"
    return document_answer(job)


@router.get("/v1/documents/{document_id}", responses=_UNKNOWN)
async def status(document_id: str, request: Request) -> DocumentAnswer:
    """How far a document is."""
    return document_answer(await _job(document_id, request))


@router.get("/v1/documents/{document_id}/download", response_class=Response, responses=_DOWNLOAD)
async def download(document_id: str, request: Request, services: ServicesDependency) -> Response:
    """The translated document, in the format that it came in."""
    job = await _job(document_id, request)
    content = await services.documents.result(job)
    path = PurePath(job.new.name)
    name = quote(f"{path.stem}_{job.new.order.target}{path.suffix}")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(content, media_type=format_of(job.new.name).media_type, headers=headers)


@router.delete("/v1/documents/{document_id}", status_code=204, responses=_UNKNOWN)
async def delete(document_id: str, request: Request, services: ServicesDependency) -> None:
    """Stop translating a document, and forget it."""
    job = await _job(document_id, request)
    await services.documents.delete(job.new.id)


async def _job(document_id: str, request: Request) -> Job:
    """The job, if the caller may know of it."""
    services = services_of(request)
    address = request.client.host if request.client else ""
    caller = services.access.identify(bearer(request.headers), address)
    return await services.documents.get(document_id, caller.owner)
