"""POST /translate_file and GET /download_file: plain text, in the encoding that it came in."""

from __future__ import annotations

import codecs
from pathlib import PurePath
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.api.dependencies import ServicesDependency, translate_and_note
from service.api.libretranslate.answers import FileAnswer, request_body
from service.api.libretranslate.fields import read_fields
from service.api.libretranslate.messages import in_its_words, invalid
from service.pipeline.translation import TranslationRequest

router = APIRouter()

FILE_FORMATS = (".txt",)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"", "utf-8"),
)


@router.post("/translate_file", openapi_extra=request_body("file", "source", "target", files=True))
async def translate_file(request: Request, services: ServicesDependency) -> FileAnswer:
    """Translate a file of the formats that /frontend/settings lists; the answer is where to download it."""
    fields = await read_fields(request)
    upload = fields.file("file")
    source, target = fields.text("source"), fields.text("target")
    path = PurePath(upload.name)
    if path.suffix.lower() not in FILE_FORMATS:
        raise invalid(f"file format not supported: {path.suffix[:20]!r}; allowed: {', '.join(FILE_FORMATS)}")
    mark, encoding, text = _decoded(upload.content)
    wait_s = services.settings.libretranslate_wait_s
    with in_its_words():
        result = await translate_and_note(request, TranslationRequest((text,), source, target, wait_for_room_s=wait_s))
    content = mark + result.translations[0].best.text.encode(encoding)
    name = f"{path.stem}_{result.target}{path.suffix}"
    key = services.downloads.put(name, content, f"text/plain; charset={encoding}")
    return FileAnswer(translatedFileUrl=str(request.url_for("download_file", filename=key)))


@router.get("/download_file/{filename}", response_class=Response)
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


def _decoded(content: bytes) -> tuple[bytes, str, str]:
    """The byte order mark of a text file, its encoding, and the text."""
    mark, encoding = next(each for each in _BYTE_ORDER_MARKS if content.startswith(each[0]))
    try:
        return mark, encoding, content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise invalid(f"file: not {encoding}, at byte {error.start}; allowed: UTF-8, UTF-16 with a mark") from error
