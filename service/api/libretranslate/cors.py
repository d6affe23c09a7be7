"""Lets pages of other origins ask LibreTranslate's paths, as LibreTranslate does; no other path."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.error_handlers import is_libretranslate

_A_DAY_S = 86_400


class LibreTranslateCors:
    """origins: such as "https://page.example"; "*" is any, and an empty list is none."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._open: ASGIApp = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After", "X-Request-ID"],
            # Asked for pages from the internet. LibreTranslate does not heed it, and refuses nobody.
            allow_private_network=True,
            max_age=_A_DAY_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI app."""
        is_open = scope["type"] == "http" and is_libretranslate(scope["path"])
        await (self._open if is_open else self._app)(scope, receive, send)
