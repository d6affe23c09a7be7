"""Asks an app in this process: no socket, no client that adds anything of its own."""

from __future__ import annotations

from urllib.parse import quote

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from service.cluster.messages import Asked, Headers


async def ask(app: ASGIApp, asked: Asked) -> tuple[int, Headers, bytes]:
    """Status, headers and whole body of the app's answer. If nobody waits for it any more this is cancelled, and with
    it what the app does."""

    async def as_sent(scope: Scope, receive: Receive, send: Send) -> None:
        # httpx resolves the dots of a URL, which a server leaves to the app: it has no path /a/../v1/models.
        sent = {"path": asked.path, "raw_path": quote(asked.path).encode(), "query_string": asked.query}
        await app({**scope, **sent}, receive, send)

    # Not through a client of httpx, which would add headers; and aread() would unpack what is packed.
    transport = httpx.ASGITransport(as_sent, raise_app_exceptions=False, client=asked.client)
    url = httpx.URL(scheme=asked.scheme, host="replica")
    request = httpx.Request(asked.method, url, headers=list(asked.headers), content=asked.body)
    response = await transport.handle_async_request(request)
    body = b"".join([part async for part in response.aiter_raw()])
    return response.status_code, tuple(response.headers.raw), body
