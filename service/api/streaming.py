"""Translations as server-sent events: what is sure of each text as it grows, then the whole answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response, StreamingResponse

from model_store.errors import SegmentError
from service.api.error_handlers import INTERNAL, Problem, error_body, service_problem
from service.errors import ServiceError
from service.pipeline.writing import Told

logger = logging.getLogger(__name__)

MEDIA_TYPE = "text/event-stream"
# Line breaks to str.splitlines, and so to httpx's iter_lines, that JSON leaves as they are, and has only in strings.
_ESCAPED = {ord(each): f"\\u{ord(each):04x}" for each in "\x85\u2028\u2029"}
# Of one event.
EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["partial", "result", "error"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


class PartialBody(BaseModel):
    """What the translation of text number `index` begins with; never taken back."""

    index: int
    text: str


async def events_of(work: Callable[[Told], Awaitable[BaseModel]], failed: Callable[[Problem], None]) -> Response:
    """The events of what `work` tells and returns: "partial", and at the end "result", or "error".

    An error before the first event is raised instead, so that it is answered with its own status; of a later one, which
    has no status any more, `failed` is told. Who reads slowly gets fewer partial ones: of each text the newest counts.
    """
    news = _News()
    working = asyncio.ensure_future(work(news.told))
    working.add_done_callback(lambda _done: news.changed.set())
    try:
        await news.changed.wait()
        if working.done() and working.exception() is not None:
            working.result()
    except BaseException:
        await _stop(working)
        raise
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy must not hold events back
    return StreamingResponse(_events(news, working, failed), media_type=MEDIA_TYPE, headers=headers)


class _News:
    """What was told and not sent yet."""

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.texts: dict[int, str] = {}

    def told(self, index: int, text: str) -> None:
        self.texts[index] = text
        self.changed.set()


async def _events(
    news: _News, working: asyncio.Future[BaseModel], failed: Callable[[Problem], None]
) -> AsyncIterator[str]:
    try:
        while not working.done():
            await news.changed.wait()
            news.changed.clear()
            texts, news.texts = news.texts, {}
            for index, text in texts.items():
                yield _event("partial", PartialBody(index=index, text=text).model_dump_json())
        try:
            yield _event("result", working.result().model_dump_json())
        except Exception as error:
            known = isinstance(error, ServiceError | SegmentError)
            if not known:
                logger.exception("a translation failed after its first words were sent")
            problem = service_problem(error) if known else INTERNAL
            failed(problem)
            yield _event("error", error_body(problem))
    finally:
        await _stop(working)


def _event(name: str, data: str) -> str:
    """JSON has no line break, which would end the field; what only some clients take for one is escaped."""
    return f"event: {name}\ndata: {data.translate(_ESCAPED)}\n\n"


async def _stop(working: asyncio.Future[BaseModel]) -> None:
    working.cancel()
    with suppress(BaseException):
        await working
