"""Middleware alone, on an app that is told what to do by hand-made ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Message, Receive, Scope, Send

from service.api.middleware import CancelOnDisconnect

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
