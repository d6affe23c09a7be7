"""Middleware alone, on an app that is told what to do by hand-made ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.api.middleware import CancelOnDisconnect, HeadAsGet, with_one_slash
from tests.unit.service.api.client import app_of, ask

SCOPE: Scope = {"type": "http", "method": "POST", "path": "/", "headers": []}


def receiver(*messages: Message, then: asyncio.Event | None = None) -> Receive:
    """Hands out `messages`; the last one only when `then` is set."""
    left = list(messages)

    async def receive() -> Message:
        if len(left) == 1 and then is not None:
            await then.wait()
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


async def ignore(_message: Message) -> None:
    """A client that is not there."""


BODY: Message = {"type": "http.request", "body": b"x", "more_body": False}
LEFT: Message = {"type": "http.disconnect"}


def test_the_work_is_cancelled_when_the_client_leaves() -> None:
    seen: list[str] = []

    async def run() -> None:
        working = asyncio.Event()

        async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
            seen.append((await receive())["type"])
            working.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        await CancelOnDisconnect(app)(SCOPE, receiver(BODY, LEFT, then=working), ignore)

    asyncio.run(run())
    assert seen == ["http.request", "cancelled"]


def test_work_behind_the_answer_is_left_to_finish() -> None:
    seen: list[str] = []

    async def run() -> None:
        answered = asyncio.Event()

        async def app(_scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            answered.set()
            assert (await receive())["type"] == "http.disconnect"
            seen.append("finished")

        await CancelOnDisconnect(app)(SCOPE, receiver(BODY, LEFT, then=answered), ignore)

    asyncio.run(run())
    assert seen == ["finished"]


def test_cancelling_from_outside_reaches_the_work() -> None:
    seen: list[str] = []

    async def run(check: Callable[[], None]) -> None:
        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("ended")

        task = asyncio.create_task(CancelOnDisconnect(app)(SCOPE, receiver(), ignore))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        check()

    asyncio.run(run(lambda: seen.append("awaited")))
    assert seen == ["ended", "awaited"]


def test_head_is_answered_as_get_is_without_the_body() -> None:
    sent: list[Message] = []
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await Response("four")(scope, receive, send)

    async def keep(message: Message) -> None:
        sent.append(message)

    asked: Scope = {**SCOPE, "method": "HEAD"}
    asyncio.run(HeadAsGet(app)(asked, receiver(BODY), keep))
    start, body = sent
    assert [scope["method"] for scope in seen] == ["GET"]
    assert asked["method"] == "HEAD", "a server goes by it"
    assert (b"content-length", b"4") in start["headers"]
    assert body["body"] == b""


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        ("//v1/translate", "/v1/translate"),
        ("///", "/"),
        ("//host/path", "/host/path"),
        ("/v1//translate", "/v1//translate"),
        ("/", "/"),
    ],
)
def test_slashes_in_front_of_a_path_are_one(asked: str, served: str) -> None:
    scope: Scope = {**SCOPE, "path": asked, "raw_path": asked.encode()}
    assert with_one_slash(scope) == {**SCOPE, "path": served, "raw_path": served.encode()}
    assert with_one_slash({**SCOPE, "path": asked}) == {**SCOPE, "path": served}


def test_a_path_with_more_slashes_is_limited_and_refused_as_with_one() -> None:
    """Nothing goes by the path before it has one."""

    async def call(client: httpx.AsyncClient) -> None:
        assert (await client.get("http://t//v1/admin/models")).status_code == 401
        too_large = await client.post("http://t//v1/documents", content=b" " * 200_000)
        assert too_large.status_code == 413
        redirected = await client.get("http://t//a.example/")
        assert "location" not in redirected.headers

    ask(app_of(admin_key="k" * 20, max_document_bytes=100_000), call)


@pytest.mark.parametrize("key", ["a key", "another"])
def test_every_route_of_get_answers_head_and_is_in_the_document_once(key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}

    async def call(client: httpx.AsyncClient) -> None:
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert not any("head" in operations for operations in paths.values())
        with_get = [path for path, operations in paths.items() if "get" in operations]
        assert len(with_get) >= 14
        for path in (*with_get, "/", "/web/style.css", "/spec", "/docs", "/openapi.json"):
            got, asked = await client.get(path, headers=headers), await client.head(path, headers=headers)
            assert asked.status_code == got.status_code, path
            assert asked.headers.get("content-type") == got.headers.get("content-type"), path
            assert asked.content == b""
        wrong = await client.head("/v1/translate")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        both = await client.post("/v1/models")
        assert both.headers["allow"] == "GET, HEAD"
        counted = (await client.get("/metrics", headers=headers)).text
        assert 'verso_requests_total{pair="",route="/v1/models",status="200"} 2.0' in counted

    ask(app_of(admin_key="a key"), call)
