"""How large the body of a request may be, and how long it may take to come: that of a form with a document in it is as
large as the document allows."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from service.settings import Settings

_WITH_DOCUMENT = ("/v1/documents", "/translate_file")
# What a form has beside a file.
_FORM_BYTES = 65_536


def most_bytes(path: str, settings: Settings) -> int:
    """Of the body of a request for `path`."""
    return settings.max_document_bytes + _FORM_BYTES if path in _WITH_DOCUMENT else settings.max_body_bytes


def check_declared(scope: Scope, most: int) -> None:
    """Raises HTTPException, 413, for a body of which the headers say that it is larger than `most` bytes."""
    declared = Headers(scope=scope).get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise _too_large(most)


def limited(receive: Receive, most: int, body_s: float) -> Receive:
    """`receive`, which raises HTTPException once the body is larger than `most` bytes, 413, or has not come to its end
    in `body_s` seconds from now, 408."""
    size = 0
    due: float | None = asyncio.get_running_loop().time() + body_s

    async def receive_limited() -> Message:
        nonlocal size, due
        try:
            async with asyncio.timeout_at(due):
                part = await receive()
        except TimeoutError as error:
            message = f"body: {size} bytes came in {body_s:g} s, and then no end"
            raise HTTPException(408, message, {"Connection": "close"}) from error
        size += len(part.get("body", b""))
        if not part.get("more_body", False):
            due = None
        if size > most:
            raise _too_large(most)
        return part

    return receive_limited


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"body: more than {most} bytes; allowed: 0..{most}")
