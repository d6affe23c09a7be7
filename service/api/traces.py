"""A span for each request that does work, inside the trace that its client has begun, if it has."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.answer_status import Answer
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
        answer = Answer(send)
        headers = Headers(scope=scope)
        with self._tracing.request(headers.get("traceparent"), headers.get("tracestate")) as span:
            try:
                await answer.of(self._app, scope, receive)
            finally:
                span.answered(
                    method=scope["method"],
                    route=route_of(scope),
                    status=answer.status,
                    pair=getattr(HTTPConnection(scope).state, "pair", ""),
                    request_id=current_request_id() or "",
                )
