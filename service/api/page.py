"""The page at /: static files, sent as they are under a strict policy of content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

import service

# Nothing from elsewhere, nothing inline, no form, no frame around it.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asked for again by its tag, so that a new version is seen at once and an old one costs no bytes.
    "Cache-Control": "no-cache",
}
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

router = APIRouter(include_in_schema=False)


class WebFile:
    """One file of the page, in memory."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._media_type = _MEDIA_TYPES[path.suffix]
        self._tag = f'"{hashlib.sha256(self._content).hexdigest()[:20]}"'

    def response(self, request: Request) -> Response:
        """The file, or 304 for a browser that has it."""
        headers = HEADERS | {"ETag": self._tag}
        if self._tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self._content, headers=headers, media_type=self._media_type)


def _read() -> dict[str, WebFile]:
    folder = Path(service.__file__).parent / "web"
    return {path.name: WebFile(path) for path in folder.iterdir() if path.suffix in _MEDIA_TYPES}


FILES = _read()


@router.get("/")
async def page(request: Request) -> Response:
    """The page."""
    return FILES["index.html"].response(request)


@router.get("/web/{name}")
async def part(request: Request, name: str) -> Response:
    """A style, script or picture of the page."""
    if name not in FILES:
        raise HTTPException(404, f"the page has no file {name[:100]!r}")
    return FILES[name].response(request)
