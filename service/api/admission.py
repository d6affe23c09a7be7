"""What stands before every request: who asks, from where; and headers after it that browsers obey."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Access, Caller
from service.api.error_handlers import is_libretranslate, render, service_problem
from service.errors import ServiceError
from service.metrics import Metrics
from service.tracing import phase

_WITH_BODY = ("POST", "PUT")


class Admission:
    """Admits what has a body by its Authorization header before that is read. LibreTranslate's clients have the key in
    the body, so that without the header their requests are admitted by api/libretranslate/fields.py."""

    def __init__(self, app: ASGIApp, *, access: Access, metrics: Metrics) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY or scope["path"].startswith("/v1/admin/"):
            await self._app(scope, receive, send)
            return
        key = bearer(Headers(scope=scope))
        if key is not None or not is_libretranslate(scope["path"]):
            try:
                await admit(self._access, HTTPConnection(scope), key)
            except ServiceError as error:
                problem = service_problem(error)
                self._metrics.request_rejected(problem.type)
                await render(scope["path"], problem)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def bearer(headers: Headers) -> str | None:
    """The token of the Authorization header; None without one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def admit(access: Access, connection: HTTPConnection, key: str | None) -> None:
    """From now on the connection has its `caller_of`. Raises ApiKeyError, QuotaError."""
    with phase("admission"):
        connection.state.caller = await access.admit(key, connection.client.host if connection.client else "")


def caller_of(connection: HTTPConnection) -> Caller:
    """Who was admitted."""
    caller = connection.state.caller
    assert isinstance(caller, Caller)
    return caller


class SecurityHeaders:
    """Tells browsers not to guess types, not to frame, not to tell others where they came from; and of JSON, that
    nothing in it is to be run."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("X-Frame-Options", "DENY")
                headers.setdefault("Referrer-Policy", "no-referrer")
                json = headers.get("content-type", "").startswith("application/json")
                policy = "default-src 'none'; frame-ancestors 'none'" if json else "frame-ancestors 'none'"
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, send_with_headers)
