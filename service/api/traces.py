"""A span for each request that does work, inside the trace that its client has begun, if it has."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.request_log import CLIENT_LEFT
from service.api.routes import route_of
from service.telemetry import current_request_id
from service.tracing import Tracing

# Asked for every few seconds for ever, or sent from memory: they would bury the rest.
_UNTRACED = ("/livez", "/readyz", "/metrics", "/health", "/web/", "/static-offline-docs/")


class RequestTrace:
    """Opens the span of a request before its log line is due, so that the line has the trace's id."""

    def __init__(self, app: ASGIApp, *, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self._app(scope, receive, send)
            return
        status = CLIENT_LEFT

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        headers = Headers(scope=scope)
        with self._tracing.request(headers.get("traceparent"), headers.get("tracestate")) as span:
            try:
                await self._app(scope, receive, send_noted)
            except Exception:
                status = 500  # answered by the outermost middleware, which is Starlette's own
                raise
            finally:
                span.answered(
                    method=scope["method"],
                    route=route_of(scope),
                    status=status,
                    pair=getattr(HTTPConnection(scope).state, "pair", ""),
                    request_id=current_request_id() or "",
                )
