"""/v1: the shape of answers."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.unit.service.api.client import ONE, app_of, ask, get, post
from tests.unit.service.fakes import model


def test_an_answer_has_everything() -> None:
    text = "One two. Three four."
    response = post(app_of(), "/v1/translate", json={**ONE, "text": text, "options": {"n_best": 2}})
    assert response.status_code == 200
    answer = response.json()
    (translation,) = answer["translations"]
    assert translation["text"] == "two. One four. Three"
    assert translation["score"] == -1.0
    (alternative,) = translation["alternatives"]
    assert (alternative["text"], alternative["score"]) == ("two. One! four. Three!", -2.0)
    assert alternative["alignment"][0] == {"source": [4, 7], "target": [0, 3]}
    assert [(s["source"], s["text"], s["warnings"]) for s in translation["segments"]] == [
        ("One two.", "two. One", []),
        ("Three four.", "four. Three", []),
    ]
    # The fake engine attends to the token in the same place; encoders lag by a word, which the alignment makes up for.
    assert translation["alignment"][0] == {"source": [4, 7], "target": [0, 3]}
    assert (translation["warnings"], translation["via"]) == ([], None)
    assert answer["model"] == {"name": "tiny", "version": "1"}
    assert answer["usage"]["characters"] == len(text)
    assert answer["usage"]["segments"] == 2
    assert answer["usage"]["source_tokens"] > answer["usage"]["target_tokens"] > 0
    assert answer["timings"]["queue_s"] == 0.25
    assert answer["timings"]["decode_s"] == 0.5
    assert answer["timings"]["total_s"] > 0


def test_a_list_keeps_its_order_and_what_is_empty() -> None:
    response = post(app_of(), "/v1/translate", json={**ONE, "text": ["a b", "", " \n", "c d"]})
    answers = response.json()["translations"]
    assert [each["text"] for each in answers] == ["b a", "", " \n", "d c"]
    assert [each["score"] for each in answers] == [-1.0, None, None, -1.0]


def test_auto_finds_the_language_of_each_text() -> None:
    texts = ["The weather is nice today.", "Сегодня хорошая погода.", "", "Das Wetter ist heute schön."]
    answer = post(app_of(), "/v1/translate", json={**ONE, "text": texts[:3], "source": "auto"}).json()
    english, russian, empty = answer["translations"]
    assert (english["source"], english["text"]) == ("en", "today. nice is weather The")
    assert english["detected"]["language"] == "en"
    assert english["detected"]["confidence"] > 0.9
    assert (russian["source"], russian["text"], russian["segments"]) == ("ru", texts[1], [])
    assert empty["detected"] == {"language": "en", "confidence": 0.0}
    assert answer["model"] == {"name": "tiny", "version": "1"}
    named = post(app_of(), "/v1/translate", json={**ONE, "source": "en-GB"}).json()["translations"][0]
    assert (named["source"], named["detected"]) == ("en", None)


def test_auto_finds_the_lines_of_a_mixed_text() -> None:
    text = (
        "The weather is nice today.\nOk.\n\n\tСегодня хорошая погода.\r\nDas Wetter ist heute wirklich schön.\nOne two"
    )
    answer = post(app_of(), "/v1/translate", json={**ONE, "text": text, "source": "auto", "target": "en"}).json()
    error = answer["error"]
    assert (error["type"], error["field"]) == ("unsupported_pair", "target")
    assert error["message"].startswith("target: de-en is not a served pair")
    answer = post(app_of(), "/v1/translate", json={**ONE, "text": text, "source": "auto", "target": "de"}).json()
    (translation,) = answer["translations"]
    assert translation["text"] == (
        "today. nice is weather The\nOk.\n\n\tпогода. Сегодня хорошая\r\nDas Wetter ist heute wirklich schön.\ntwo One"
    )
    assert [each["language"] for each in translation["segments"]] == ["en", "en", "ru", "en"]


def test_auto_names_the_text_whose_language_is_not_served() -> None:
    texts = ["The weather is nice today.", "Il fait très beau aujourd'hui, n'est-ce pas ?"]
    response = post(app_of(), "/v1/translate", json={**ONE, "text": texts, "source": "auto"})
    error = response.json()["error"]
    assert (response.status_code, error["type"], error["field"]) == (400, "unsupported_pair", "source")
    assert re.fullmatch(
        r"source: 'fr' \(found in text 1 with confidence [01]\.\d\d\) is not a served language; allowed: de, en, ru",
        error["message"],
    )


@pytest.mark.parametrize(("pivot", "told"), [("xx", True), ("EN", False), ("", False)])
def test_a_pivot_that_no_bundle_has_is_told_in_the_log(
    pivot: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    get(app_of(pivot_language=pivot), "/livez")
    why = "VERSO_PIVOT_LANGUAGE: no loaded bundle has 'xx', so no pair goes through it; allowed: de, en, ru, or empty"
    assert (why in caplog.text) is told
    caplog.clear()
    get(app_of(model("en-ru", "ru-en"), pivot_language=pivot), "/livez")
    assert "VERSO_PIVOT_LANGUAGE" not in caplog.text


def test_a_pivot_says_so() -> None:
    answer = post(app_of(), "/v1/translate", json={**ONE, "source": "ru", "target": "de"}).json()
    assert answer["translations"][0]["via"] == "en"
    assert answer["translations"][0]["alignment"] is None
    assert answer["model"] == {"name": "other", "version": "2.1"}


def test_an_unfinished_target_carries_a_warning() -> None:
    answer = post(app_of(), "/v1/translate", json={**ONE, "options": {"max_length": 1}}).json()
    assert answer["translations"][0]["warnings"] == ["truncated"]
    assert answer["translations"][0]["segments"][0]["warnings"] == ["truncated"]


def test_models_are_listed() -> None:
    tiny, other = get(app_of(), "/v1/models").json()["models"]
    assert (tiny["name"], tiny["version"], tiny["beam_size"]) == ("tiny", "1", 4)
    assert other["pairs"] == [{"source": "en", "target": "de", "formality": False}]


def test_each_answer_has_a_request_id() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        mine = await client.get("/livez", headers={"X-Request-ID": "abc-1"})
        assert mine.headers["x-request-id"] == "abc-1"
        bad = await client.get("/livez", headers={"X-Request-ID": "a b" * 100})
        assert len(bad.headers["x-request-id"]) == 32

    ask(app_of(), call)


def test_the_openapi_document_shows_what_is_sent() -> None:
    document: dict[str, Any] = get(app_of(), "/openapi.json").json()
    responses = document["paths"]["/v1/translate"]["post"]["responses"]
    assert set(responses) == {"200", "400", "401", "404", "413", "429", "503", "504", "default"}
    text = document["components"]["schemas"]["TranslateBody"]["properties"]["text"]
    assert [each["type"] for each in text["anyOf"]] == ["string", "array"]
    media_types = document["paths"]["/translate"]["post"]["requestBody"]["content"]
    assert "multipart/form-data" in media_types


def test_html_is_a_format() -> None:
    answer = post(app_of(), "/v1/translate", json={**ONE, "text": "<p>one <b>two</b></p>", "format": "html"}).json()
    assert answer["translations"][0]["text"] == "<p><b>two</b> one</p>"
    refused = post(app_of(), "/v1/translate", json={**ONE, "format": "xml"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "format")
