"""POST /translate_file and GET /download_file: documents of every format, while the client waits."""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.dependencies import Services, ServicesDependency, charged
from service.api.document_schemas import FILE_CONTENT
from service.api.libretranslate.answers import ERRORS, ErrorAnswer, FileAnswer, request_body
from service.api.libretranslate.fields import File, read_fields
from service.api.libretranslate.messages import in_its_words, invalid
from service.documents.reading import format_of
from service.documents.translation import Order, Report, check_language, translate_segments
from service.errors import EngineDeadlineError, InvalidRequestError, RequestTooLargeError
from service.pipeline.translation import Turn

router = APIRouter()

_DOWNLOAD: dict[int | str, dict[str, Any]] = {
    200: {"description": "The translated file", "content": FILE_CONTENT},
    404: {"model": ErrorAnswer, "description": "No such file, or not any more"},
    "default": ERRORS["default"],
}


@router.post("/translate_file", responses=ERRORS, openapi_extra=request_body("file", "source", "target", files=True))
async def translate_file(request: Request, services: ServicesDependency) -> FileAnswer:
    """Translate a file of the formats that /frontend/settings lists; the answer is where to download it."""
    fields = await read_fields(request)
    upload = fields.file("file")
    source, target = fields.text("source"), fields.text("target")
    try:
        format = format_of(upload.name)
    except InvalidRequestError as error:
        raise invalid(error.problem) from error
    settings = services.settings
    with in_its_words():
        target = services.models.catalogue().language(target, "target")
        order = Order(source, target)
        try:
            async with asyncio.timeout(settings.request_timeout_s):  # to read and to write it takes time too
                content, report = await _translated(request, services, upload, order)
        except TimeoutError as error:
            raise EngineDeadlineError("the request was not finished in time") from error
    request.state.pair = report.pair(target)
    path = PurePath(upload.name)
    key = services.downloads.put(f"{path.stem}_{target}{path.suffix}", content, format.media_type)
    return FileAnswer(translatedFileUrl=str(request.url_for("download_file", filename=quote(key))))


async def _translated(request: Request, services: Services, upload: File, order: Order) -> tuple[bytes, Report]:
    read = await services.document_reader.read(upload.name, upload.content)
    check_language(read, order.target)
    most = services.settings.max_characters
    if read.characters > most:
        raise RequestTooLargeError("file", read.characters, most, "characters to translate")
    wait_s = services.settings.libretranslate_wait_s
    async with charged(request, [segment.text for segment in read.segments]) as client:
        texts, report = await translate_segments(
            services.translator, order, read.segments, Turn(client=client), wait_for_room_s=wait_s
        )
    return await services.document_reader.write(upload.name, upload.content, texts, order.target), report


@router.get("/download_file/{filename}", response_class=Response, responses=_DOWNLOAD)
async def download_file(filename: str, services: ServicesDependency) -> Response:
    """A translated file, kept for half an hour in the memory of the process that translated it."""
    file = services.downloads.get(filename)
    if file is None:
        raise HTTPException(404, "File not found: it never was here, or is not kept any more")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.content, media_type=file.media_type, headers=headers)
