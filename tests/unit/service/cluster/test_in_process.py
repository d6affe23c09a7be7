"""An app that is asked in its own process is asked what was asked, and answers what it answers."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.cluster.in_process import ask
from service.cluster.messages import Asked, Headers
from tests.unit.service.api.client import app_of


def asked(path: str, **other: Any) -> Asked:
    plain = Asked("GET", "http", path, b"", ((b"host", b"verso.example"),), b"", ("192.0.2.7", 4711))
    return Asked(**{**vars(plain), **other})


def answer(app: ASGIApp, request: Asked) -> tuple[int, Headers, bytes]:
    return asyncio.run(ask(app, request))


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    what = {
        "path": scope["path"],
        "raw_path": scope["raw_path"].decode(),
        "scheme": scope["scheme"],
        "query": scope["query_string"].decode(),
        "client": list(scope["client"]),
        "headers": [[name.decode(), value.decode()] for name, value in scope["headers"]],
        "body": (await request.body()).decode(),
    }
    await JSONResponse(what)(scope, receive, send)


def test_the_app_sees_what_was_sent() -> None:
    headers = ((b"host", b"verso.example:81"), (b"x-twice", b"1"), (b"x-twice", b"2"), (b"content-length", b"4"))
    request = asked("/a b/\u00fc", method="POST", scheme="https", query=b"q=%20x+y", headers=headers, body=b"body")
    status, _headers, body = answer(told, request)
    assert status == 200
    assert json.loads(body) == {
        "path": "/a b/\u00fc",
        "raw_path": "/a%20b/%C3%BC",
        "scheme": "https",
        "query": "q=%20x+y",
        "client": ["192.0.2.7", 4711],
        "headers": [[name.decode(), value.decode()] for name, value in headers],
        "body": "body",
    }


def test_a_path_with_dots_is_no_other_path() -> None:
    app = app_of()
    assert answer(app, asked("/livez"))[0] == 200
    for path in ("/a/../livez", "/./livez", "/v1/../livez"):
        assert answer(app, asked(path))[0] == 404, path


def test_what_is_packed_stays_so() -> None:
    packed = gzip.compress(b"text")
    response = Response(packed, 203, {"content-encoding": "gzip", "set-cookie": "a"})
    status, headers, body = answer(response, asked("/"))
    assert (status, body) == (203, packed)
    assert dict(headers)[b"content-encoding"] == b"gzip"


def test_what_the_app_does_ends_with_whoever_waits() -> None:
    ended: list[bool] = []

    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def run() -> None:
        waiting = asyncio.create_task(ask(slow, asked("/")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})

    asyncio.run(run())
    assert ended == [True]
