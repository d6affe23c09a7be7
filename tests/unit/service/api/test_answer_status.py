"""The status that is told of a request: what was sent, or why nothing was."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from service.api.answer_status import CLIENT_LEFT, Answer

BEGUN: Message = {"type": "http.response.start", "status": 404, "headers": []}
BODY: Message = {"type": "http.response.body", "body": b"x"}


@pytest.mark.parametrize(
    ("messages", "error", "status"),
    [
        ([BEGUN, BODY], None, 404),
        ([BEGUN], asyncio.CancelledError, 404),
        ([], None, CLIENT_LEFT),
        ([], asyncio.CancelledError, CLIENT_LEFT),
        ([], ValueError, 500),
        ([BEGUN], ValueError, 500),
    ],
)
def test_what_is_told_and_that_all_is_sent(
    messages: list[Message], error: type[BaseException] | None, status: int
) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    async def run() -> int:
        answer = Answer(send)
        if error is None:
            await answer.of(app, {}, receive)
        else:
            with pytest.raises(error):
                await answer.of(app, {}, receive)
        return answer.status

    assert asyncio.run(run()) == status
    assert sent == messages
