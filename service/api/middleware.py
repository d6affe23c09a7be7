"""What every request passes beside its log (request_log.py): its path with one slash in front; the limit of its body;
cancelling when its client leaves; HEAD as GET without the body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.body_limits import check_declared, limited
from service.api.error_handlers import http_problem, render
from service.metrics import Metrics

_DISCONNECT: Message = {"type": "http.disconnect"}


@dataclass
class InFlight:
    """How many requests have come to their end and are not answered yet: what draining waits for. A request whose body
    is still on its way was not accepted. draining: connections are closed after their answers."""

    requests: int = 0
    draining: bool = False


def with_one_slash(scope: Scope) -> Scope:
    """`scope`, with the path "/translate" where it has "//translate".

    Clients ask for that which write "/translate" behind an address that ends in a slash, and the servers that
    LibreTranslate runs on take one for the other.
    """
    if not scope.get("path", "").startswith("//"):
        return scope
    raw = {"raw_path": b"/" + scope["raw_path"].lstrip(b"/")} if scope.get("raw_path") else {}
    return {**scope, "path": "/" + scope["path"].lstrip("/"), **raw}


class OneSlash:
    """Has every path begin with one slash, before anything goes by it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        await self._app(with_one_slash(scope), receive, send)


class CancelOnDisconnect:
    """Cancels the work of a request whose client has gone, so that nothing is decoded for nobody.

    A server only tells of it who asks, so the rest of the request's messages are awaited beside the app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: asyncio.Queue[Message] = asyncio.Queue(maxsize=1)
        answered = left = False

        async def receive_queued() -> Message:
            return _DISCONNECT if left and messages.empty() else await messages.get()

        async def send_watched(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answered = True
            await send(message)

        async def pump() -> None:
            nonlocal left
            while (message := await receive())["type"] != "http.disconnect":
                await messages.put(message)
            left = True
            if answered:
                await messages.put(message)
            else:
                work.cancel()

        work = asyncio.ensure_future(self._app(scope, receive_queued, send_watched))
        pumping = asyncio.create_task(pump())
        try:
            await asyncio.wait({work})
        finally:
            pumping.cancel()
            work.cancel()
            await asyncio.wait({work, pumping})
        if not (work.cancelled() and left):
            work.result()


class BodyLimit:
    """Refuses a body that is too large, before it is read where its length is declared, else as it grows; and one that
    takes too long to come. most_bytes: that one of a path may have.

    Starlette's own answers in plain text where the length is declared, which neither API promises.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: Callable[[str], int], body_s: float, metrics: Metrics) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._body_s = body_s
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most_bytes(scope["path"])
        try:
            check_declared(scope, most)
        except HTTPException as error:
            problem = http_problem(error)
            self._metrics.request_rejected(problem.type)
            await render(scope["path"], problem)(scope, receive, send)
            return
        await self._app(scope, limited(receive, most, self._body_s), send)


class HeadAsGet:
    """Answers HEAD as GET is answered, without the body: FastAPI's routes, unlike Starlette's, know nothing of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_without_body)
