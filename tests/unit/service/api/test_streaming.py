"""Translations as server-sent events: they grow, end in the whole answer or an error, and stop with the client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from service.errors import EngineDeadlineError, EngineFailedError, EngineOverloadedError
from tests.unit.service.api.client import app_of, ask, running
from tests.unit.service.fakes import engine_of, model

ONE = {"text": ["One two. Three four.", "five"], "source": "en", "target": "ru", "stream": True}


def events(response: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in response.text.split("\n\n")[:-1]:
        event, data = block.split("\n")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_texts_grow_and_the_last_event_is_the_answer() -> None:
    async def both(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        return (
            await client.post("/v1/translate", json=ONE),
            await client.post("/v1/translate", json={**ONE, "stream": False}),
        )

    streamed, plain = ask(app_of(), both)
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert streamed.headers["x-accel-buffering"] == "no"
    *partial, (name, answer) = events(streamed)
    assert name == "result"
    assert answer["translations"] == plain.json()["translations"]
    assert partial
    assert {event for event, _data in partial} == {"partial"}
    for _event, data in partial:
        assert answer["translations"][data["index"]]["text"].startswith(data["text"])


def test_what_goes_wrong_before_the_first_event_has_its_own_status() -> None:
    served = model("en-ru")

    async def run(client: httpx.AsyncClient) -> httpx.Response:
        engine_of(served).errors.append(EngineOverloadedError("full", retry_after_s=3))
        return await client.post("/v1/translate", json=ONE)

    response = ask(app_of(served), run)
    assert response.status_code == 429
    assert response.headers["retry-after"] == "3"
    assert response.json()["error"]["type"] == "overloaded"


@pytest.mark.parametrize(
    ("error", "message", "kind", "status"),
    [
        (EngineFailedError("bang"), "bang", "internal", 500),
        (EngineDeadlineError("late"), "late", "deadline_exceeded", 504),
        (ValueError("a secret"), "an error inside the service; its log has the request id", "internal", 500),
    ],
)
def test_what_goes_wrong_later_is_an_event(
    error: Exception, message: str, kind: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The first of two groups is told of, the second fails; metrics and log tell it as what it is."""
    served = model("en-ru")
    engine = engine_of(served)
    submit, before = engine.submit_all, 0

    async def fail_second(*arguments: Any, **named: Any) -> Any:
        if len(engine.groups) > before:
            await asyncio.sleep(0.05)
            engine.errors.append(error)
        return await submit(*arguments, **named)

    async def run(client: httpx.AsyncClient) -> tuple[httpx.Response, str]:
        nonlocal before
        before = len(engine.groups)
        engine.submit_all = fail_second  # type: ignore[method-assign]
        response = await client.post("/v1/translate", json={**ONE, "text": ["X y", "Two three. " * 300]})
        return response, (await client.get("/metrics")).text

    with caplog.at_level("INFO", "verso.access"):
        response, metrics = ask(app_of(served), run)
    assert response.status_code == 200
    *partial, (name, data) = events(response)
    assert partial[0] == ("partial", {"index": 0, "text": "y X"})
    assert (name, data["error"]["type"], data["error"]["message"]) == ("error", kind, message)
    assert f'verso_request_rejections_total{{reason="{kind}"}} 1.0' in metrics
    assert f'route="/v1/translate",status="{status}"}} 1.0' in metrics
    logged = [record for record in caplog.records if getattr(record, "route", "") == "/v1/translate"]
    assert [getattr(record, "status", 0) for record in logged] == [status]


@pytest.mark.parametrize("change", [{"target": "xx"}, {"text": []}, {"prefix": "x"}])
def test_a_bad_request_is_refused_as_without_events(change: dict[str, Any]) -> None:
    response = ask(app_of(), lambda client: client.post("/v1/translate", json={**ONE, **change}))
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/json")


def test_a_client_that_leaves_takes_its_work_along() -> None:
    served = model("en-ru")
    engine = engine_of(served)

    async def run() -> None:
        async with running(app_of(served)) as client, asyncio.timeout(10):
            before = len(engine.groups)
            engine.gate.clear()
            asking = asyncio.create_task(client.post("/v1/translate", json=ONE))
            while len(engine.groups) == before:
                await asyncio.sleep(0.001)
            asking.cancel()
            while not engine.cancelled:
                await asyncio.sleep(0.001)
            engine.gate.set()

    asyncio.run(run())
