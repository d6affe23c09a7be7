"""The id of each request, and what is told of its answer: a log line and metrics."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Caller
from service.api.answer_status import Answer
from service.api.middleware import InFlight
from service.api.routes import route_of
from service.metrics import Metrics
from service.telemetry import begin_request

logger = logging.getLogger("verso.access")


def log_answer(
    method: str, route: str, status: int, duration_s: float, *, pair: str = "", key: str = "", **phases: object
) -> None:
    """One line of the access log. pair, key: of the request, where they are known; phases: what took how long."""
    fields = {"method": method, "route": route, "status": status, "duration_s": round(duration_s, 4)}
    logger.info("request", extra={**fields, "pair": pair, "key": key, **phases})


class RequestLog:
    """Gives each request an id, and writes one log line and the metrics of its answer."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, in_flight: InFlight) -> None:
        self._app = app
        self._metrics = metrics
        self._in_flight = in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = begin_request(Headers(scope=scope).get("x-request-id"))
        started = time.monotonic()
        whole = False

        async def receive_counted() -> Message:
            nonlocal whole
            message = await receive()
            if not whole and message["type"] == "http.request" and not message.get("more_body", False):
                whole = True
                self._in_flight.requests += 1
            return message

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if self._in_flight.draining:
                    headers["Connection"] = "close"
            await send(message)

        answer = Answer(send_with_id)
        self._metrics.request_started()
        try:
            await answer.of(self._app, scope, receive_counted)
        finally:
            self._in_flight.requests -= whole
            self._finished(scope, answer.status, time.monotonic() - started)

    def _finished(self, scope: Scope, status: int, duration_s: float) -> None:
        route = route_of(scope)
        state = HTTPConnection(scope).state
        status = getattr(state, "late_status", status)
        pair, caller = getattr(state, "pair", ""), getattr(state, "caller", None)
        self._metrics.request_finished(route=route, pair=pair, status=status, duration_s=duration_s)
        key = caller.key_name if isinstance(caller, Caller) else ""
        log_answer(scope["method"], route, status, duration_s, pair=pair, key=key, **getattr(state, "phases", {}))
