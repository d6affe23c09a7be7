"""What is refused costs no characters of the day's; what was worked on does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from limits import RateLimitItem
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from service import quota_store
from service.errors import EngineDeadlineError, EngineFailedError, EngineOverloadedError, EngineUnavailableError
from tests.unit.service.api.client import ONE, app_of, ask
from tests.unit.service.fakes import engine_of, model, summarizer

TRANSLATION = ("/v1/translate", {"json": {"text": "one two", "source": "en", "target": "ru"}})
SUMMARY = ("/v1/summarize", {"json": {"text": "one two", "language": "en"}})
LIBRETRANSLATE = ("/translate", {"json": {"q": "one two", "source": "en", "target": "ru"}})
FILE = ("/translate_file", {"files": {"file": ("a.txt", b"one two")}, "data": {"source": "en", "target": "ru"}})
# Of the day's 10 characters each takes 7.
ROUTES = [TRANSLATION, SUMMARY, LIBRETRANSLATE, FILE]


def charged(path: str, sent: dict[str, Any], error: Exception | None, **json: Any) -> bool:
    """Whether a second request, like the first but not refused, finds too little left."""
    first = {**sent, "json": {**sent["json"], **json}} if json else sent
    models = (model("en-ru"), summarizer("en"))

    async def call(client: httpx.AsyncClient) -> bool:
        for each in models:
            engine_of(each).full = error
        assert (await client.post(path, **first)).status_code >= 400
        for each in models:
            engine_of(each).full = None
        answer = await client.post(path, **sent)
        assert answer.status_code in (200, 429)
        return answer.status_code == 429

    return ask(app_of(*models, anonymous_characters_per_day=10, libretranslate_wait_s=0), call)


@pytest.mark.parametrize(("path", "sent"), ROUTES, ids=[path for path, _request in ROUTES])
@pytest.mark.parametrize("error", [EngineOverloadedError("full", retry_after_s=1.0), EngineUnavailableError("stopped")])
def test_there_was_no_room(path: str, sent: dict[str, Any], error: Exception) -> None:
    assert not charged(path, sent, error)


@pytest.mark.parametrize(("path", "sent"), [TRANSLATION, SUMMARY])
def test_a_field_was_wrong(path: str, sent: dict[str, Any]) -> None:
    assert not charged(path, sent, None, model="unknown")


@pytest.mark.parametrize("error", [EngineDeadlineError("late"), EngineFailedError("broken")])
def test_it_was_worked_on(error: Exception) -> None:
    assert charged(*TRANSLATION, error)


@pytest.mark.parametrize(("stream", "characters"), [(True, 0), (False, 700)])
def test_what_a_stream_has_told_is_paid_for(stream: bool, characters: int) -> None:
    """The texts of one language are translated, and told of, before those of another are refused."""
    texts = ["This is the house of my friends.", "Это большой дом. " * 9]
    body = {"text": texts, "source": "auto", "target": "de", "options": {"explain": True}, "stream": stream}

    async def call(client: httpx.AsyncClient) -> int:
        refused = await client.post("/v1/translate", json=body)
        assert "at most 8 at once" in refused.text
        assert ("This" in refused.text) is stream
        left = {"text": "one two" * 100, "source": "en", "target": "de"}
        return len(left["text"]) if (await client.post("/v1/translate", json=left)).status_code == 200 else 0

    app = app_of(model("en-de"), model("ru-de", name="other"), anonymous_characters_per_day=800)
    assert ask(app, call) == characters


def test_what_was_not_counted_is_not_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is down when a request is charged, and there again when it is refused."""
    monkeypatch.setattr(quota_store, "REST_S", 0.0)
    translator = model("en-ru")
    app = app_of(translator, anonymous_characters_per_day=10)
    limiter = app.state.services.access._store._limiter

    async def down(item: RateLimitItem, *names: str, cost: int) -> bool:
        if cost > 0:
            raise ConnectionError
        return await SlidingWindowCounterRateLimiter.hit(limiter, item, *names, cost=cost)

    async def call(client: httpx.AsyncClient) -> list[int]:
        engine_of(translator).full = EngineOverloadedError("full", retry_after_s=1.0)
        with monkeypatch.context() as outage:
            outage.setattr(limiter, "hit", down)
            assert (await client.post("/v1/translate", json=ONE)).json()["error"]["type"] == "overloaded"
        engine_of(translator).full = None
        return [(await client.post("/v1/translate", json=ONE)).status_code for _time in range(2)]

    assert ask(app, call) == [200, 429]
