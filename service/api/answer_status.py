"""The status that a request is answered with, for who tells of it when all is over."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CLIENT_LEFT = 499  # nginx's status for it; there is none in the standard


class Answer:
    """The answer of one request. status: what it began with; 500 if the app failed, CLIENT_LEFT if nothing was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = CLIENT_LEFT

    async def of(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Have the app answer. Raises what it raises."""
        try:
            await app(scope, receive, self._noted)
        except Exception:
            self.status = 500  # answered by the outermost middleware, which is Starlette's own
            raise

    async def _noted(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
