"""POST /v1/summarize: the shape of answers and of errors."""

from __future__ import annotations

from typing import Any

import pytest

from service.catalogue import ServedModel
from tests.unit.service.api.client import app_of, get, post
from tests.unit.service.fakes import model, summarizer

ONE = {"text": "One two three four.", "language": "en"}


def app() -> Any:
    return app_of(model("en-ru"), summarizer("en"))


def test_an_answer_has_everything() -> None:
    response = post(app(), "/v1/summarize", json=ONE)
    assert response.status_code == 200
    answer = response.json()
    assert answer["summaries"] == [
        {
            "text": "One two",
            "language": "en",
            "detected": None,
            "score": -1.0,
            "parts": [{"source": "One two three four.", "text": "One two", "score": -1.0, "warnings": []}],
            "warnings": [],
        }
    ]
    assert (answer["language"], answer["model"]) == ("en", {"name": "short", "version": "1"})
    assert (answer["usage"]["segments"], answer["usage"]["characters"]) == (1, 19)
    assert answer["timings"]["decode_s"] == 0.5


def test_a_list_keeps_its_order_and_what_is_empty() -> None:
    answer = post(app(), "/v1/summarize", json={**ONE, "text": ["a b c", "", "d e f"]}).json()
    assert [(each["text"], each["score"]) for each in answer["summaries"]] == [("a b", -1.0), ("", None), ("d e", -1.0)]


def test_the_language_of_each_text_is_found_out_on_request() -> None:
    texts = ["The weather is really nice today.", "Погода сегодня и правда хорошая.", ""]
    answer = post(app_of(summarizer("en", "ru")), "/v1/summarize", json={"text": texts, "language": "auto"}).json()
    assert [each["language"] for each in answer["summaries"]] == ["en", "ru", "en"]
    assert [each["detected"]["language"] for each in answer["summaries"]] == ["en", "ru", "en"]
    assert answer["summaries"][1]["detected"]["confidence"] > 0.95
    assert answer["summaries"][2]["detected"]["confidence"] == 0
    assert answer["language"] == "auto"


def test_lines_on_request() -> None:
    text = " ".join(f"Word{number} and word{number + 1} went home." for number in range(20))
    answer = post(app(), "/v1/summarize", json={**ONE, "text": text, "format": "lines"}).json()
    (summary,) = answer["summaries"]
    assert summary["text"].splitlines() == [part["text"] for part in summary["parts"]]
    assert summary["warnings"] == ["read_in_windows"]


@pytest.mark.parametrize(
    ("change", "status", "field", "message"),
    [
        ({"language": "de"}, 400, "language", "language: 'de' is not summarized; allowed: en"),
        ({"language": 5}, 400, "language", "string"),
        (
            {
                "language": "auto",
                "text": ["Good morning, dear friends.", "Il fait très beau aujourd'hui, n'est-ce pas ?"],
            },
            400,
            "language",
            "language: 'fr' (found in text 1 with confidence 1.00) is not summarized; allowed: en",
        ),
        ({"text": None}, 400, "text", "string or a list of strings"),
        ({"text": []}, 400, "text", "empty list"),
        ({"format": "page"}, 400, "format", "'line' or 'lines'"),
        ({"options": {"max_length": 0}}, 400, "options.max_length", "greater than or equal to 1"),
        ({"options": {"n_best": 2}}, 400, "options.n_best", ""),
        ({"target": "ru"}, 400, "target", ""),
        ({"model": "nowhere"}, 404, "model", "'nowhere' is not loaded"),
        ({"model": "tiny"}, 400, "model", "'tiny@1' is asked at /v1/translate"),
        ({"text": "x" * 100_001}, 413, "text", "100001 characters"),
    ],
)
def test_what_is_refused_names_the_field(change: dict[str, Any], status: int, field: str | None, message: str) -> None:
    response = post(app(), "/v1/summarize", json={**ONE, **change})
    error = response.json()["error"]
    assert (response.status_code, error["field"]) == (status, field)
    assert message in error["message"]


def test_models_say_what_they_do() -> None:
    cards = get(app(), "/v1/models").json()["models"]
    assert [(card["name"], card["task"]) for card in cards] == [("tiny", "translate"), ("short", "summarize")]


@pytest.mark.parametrize("language", ["en", "auto"])
def test_without_a_summarizer_that_is_said(language: str) -> None:
    response = post(app_of(model("en-ru")), "/v1/summarize", json={**ONE, "language": language})
    assert response.status_code == 400
    assert "none, since no summarizer is loaded" in response.json()["error"]["message"]


@pytest.mark.parametrize("source", ["auto", "en"])
@pytest.mark.parametrize("models", [(summarizer("en"),), (model("en-ru"), summarizer("en"))], ids=["alone", "named"])
def test_a_summarizer_is_no_translator(source: str, models: tuple[ServedModel, ...]) -> None:
    asked = {"text": "Open the file.", "source": source, "target": "ru", "model": summarizer("en").name}
    response = post(app_of(*models), "/v1/translate", json=asked)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "model: 'short@1' is asked at /v1/summarize"


@pytest.mark.parametrize("source", ["auto", "en"])
def test_without_a_translator_no_language_is_served(source: str) -> None:
    asked = {"text": "Open the file.", "source": source, "target": "ru"}
    response = post(app_of(summarizer("en")), "/v1/translate", json=asked)
    assert response.status_code == 400
    assert response.json()["error"]["message"].endswith("is not a served language; allowed: none")
