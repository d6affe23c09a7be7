"""POST /v1/generate: a bundle of another task, by name, with each text as it stands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.catalogue import ServedModel
from service.settings import Settings
from tests.integration.service.bundles import random_bundle
from tests.unit.service.api.client import app_of, get, post, running
from tests.unit.service.fakes import engine_of, model, summarizer

ONE = {"text": "  hello World. one ", "model": "sums"}


def sums(*directions: str) -> ServedModel:
    return replace(model(*(directions or ("en-en",)), name="sums", version="3"), task="math")


def app(*directions: str) -> Any:
    return app_of(model("en-ru"), summarizer("en"), sums(*directions))


def test_an_answer_has_everything() -> None:
    answer = post(app(), "/v1/generate", json={**ONE, "options": {"n_best": 2}}).json()
    assert answer["outputs"] == [
        {
            "text": "one World. hello",
            "score": -1.0,
            "alternatives": [{"text": "one World. hello!", "score": -2.0}],
            "warnings": [],
        }
    ]
    assert (answer["task"], answer["language"], answer["model"]) == ("math", "en", {"name": "sums", "version": "3"})
    assert (answer["usage"]["characters"], answer["usage"]["segments"]) == (len(ONE["text"]), 1)


def test_the_model_is_given_each_text_as_it_stands() -> None:
    served = sums()
    texts = ["IN CAPITALS. %s\n<b>two</b>", "  x "]
    answer = post(app_of(served), "/v1/generate", json={**ONE, "text": texts}).json()
    assert len(answer["outputs"]) == 2
    asked = engine_of(served).groups[-1]
    assert [served.tokenizer.decode(segment.source) for segment in asked] == texts


@pytest.mark.parametrize(
    ("directions", "change", "status", "message"),
    [
        ((), {"model": "nobody"}, 404, "model: 'nobody' is not loaded; allowed: tiny@1, short@1, sums@3"),
        ((), {"model": "tiny"}, 400, "model: 'tiny@1' is asked at /v1/translate"),
        ((), {"model": "short"}, 400, "model: 'short@1' is asked at /v1/summarize"),
        ((), {"language": "ru"}, 400, "language: 'ru' is not written; allowed: en"),
        (("en-en", "en-ru"), {}, 400, "language: is missing; allowed: en, ru"),
        ((), {"text": ["a", "word " * 50]}, 400, "text: text 1 has 51 tokens; allowed: at most 38"),
        ((), {"text": " "}, 400, "text: text 0 is empty; allowed: text"),
        ((), {"options": {"explain": True}}, 400, "options.explain: Extra inputs are not permitted"),
        ((), {"options": {"n_best": 99}}, 400, "options.n_best: 99 is not allowed"),
    ],
)
def test_what_is_refused(directions: tuple[str, ...], change: dict[str, Any], status: int, message: str) -> None:
    response = post(app(*directions), "/v1/generate", json={**ONE, **change})
    assert response.status_code == status
    assert message in response.json()["error"]["message"]


def test_of_several_languages_one_is_named() -> None:
    answer = post(app("en-en", "en-ru"), "/v1/generate", json={**ONE, "language": "RU"}).json()
    assert answer["language"] == "ru"


def test_it_is_listed_with_its_task_and_is_none_that_translates() -> None:
    cards = get(app(), "/v1/models").json()["models"]
    assert [(each["name"], each["task"]) for each in cards] == [
        ("tiny", "translate"),
        ("short", "summarize"),
        ("sums", "math"),
    ]
    refused = post(app(), "/v1/translate", json={"text": "a", "source": "en", "target": "ru", "model": "sums"})
    assert refused.status_code == 400


def test_a_real_bundle_of_another_task(tmp_path: Path) -> None:
    random_bundle(tmp_path, "notes", ("en", "en"), task="comment")

    async def run() -> tuple[dict[str, Any], dict[str, Any]]:
        async with running(create_app(Settings(models=str(tmp_path), threads=1))) as client:
            first, second = [(await client.post("/v1/generate", json={**ONE, "model": "notes"})) for _ in range(2)]
            return first.json(), second.json()

    first, second = asyncio.run(run())
    assert first["outputs"] == second["outputs"]
    assert (first["task"], first["outputs"][0]["warnings"]) == ("comment", second["outputs"][0]["warnings"])
