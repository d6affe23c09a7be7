"""LibreTranslate's contract: four ways to send, its answers, its errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from service.errors import EngineOverloadedError
from tests.unit.service.api.client import app_of, ask, post
from tests.unit.service.fakes import engine_of, model

JSON = {"content-type": "application/json"}
ONE = {"q": "one two", "source": "en", "target": "ru"}


@pytest.mark.parametrize(
    "request_",
    [
        {"json": ONE},
        {"data": ONE},
        {"files": {key: (None, value) for key, value in ONE.items()}},
        {"params": ONE},
        {"json": {**ONE, "api_key": "", "format": "text", "alternatives": 0}},
        {"data": {**ONE, "format": "text", "api_key": "x", "alternatives": "0"}},
        {"json": {**ONE, "source": "EN", "target": "Ru"}},
        {"json": {**ONE, "source": "en-US", "target": "ru_RU", "api_key": None}},
        {"params": ONE, "data": {"q": "lost", "source": "de"}},
    ],
    ids=["json", "urlencoded", "multipart", "query", "json-all", "form-all", "case", "region", "query-first"],
)
def test_a_text_is_translated_however_it_is_sent(request_: dict[str, Any]) -> None:
    response = post(app_of(), "/translate", **request_)
    assert response.status_code == 200
    assert response.json() == {"translatedText": "two one"}


@pytest.mark.parametrize("path", ["//translate", "///translate"])
def test_a_path_behind_an_address_that_ends_in_a_slash_is_that_path(path: str) -> None:
    """As Lingarr asks, and whoever else writes "/translate" behind the address that it was given."""
    response = post(app_of(), f"http://t{path}", json={**ONE, "format": "text", "api_key": None})
    assert (response.status_code, response.json()) == (200, {"translatedText": "two one"})


def test_a_form_typed_raw_is_utf_8() -> None:
    """As a plain `curl -d 'q=...'` sends it."""
    body = "q=друзья хорошие+&source=en&target=ru".encode()
    response = post(app_of(), "/translate", content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert response.json() == {"translatedText": "хорошие друзья "}


def test_a_list_gives_a_list_of_the_same_length() -> None:
    response = post(app_of(), "/translate", json={**ONE, "q": ["a b", "", "c d"]})
    assert response.json() == {"translatedText": ["b a", "", "d c"]}


def test_alternatives_are_those_beside_the_best() -> None:
    response = post(app_of(), "/translate", json={**ONE, "alternatives": 2})
    assert response.json() == {"translatedText": "two one", "alternatives": ["two one!", "two one!!"]}
    response = post(app_of(), "/translate", json={**ONE, "q": ["a b"], "alternatives": 1})
    assert response.json() == {"translatedText": ["b a"], "alternatives": [["b a!"]]}


def test_the_same_language_is_left_as_it_is() -> None:
    assert post(app_of(), "/translate", json={**ONE, "target": "en"}).json() == {"translatedText": "one two"}


MISSING = "Invalid request: missing {} parameter"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"q": ""}, MISSING.format("q")),
        ({"q": None}, MISSING.format("q")),
        ({"q": []}, MISSING.format("q")),
        ({"q": 5}, "Invalid request: q parameter must be a string or a list of strings"),
        ({"q": ["a", {}]}, "Invalid request: q parameter must be a string or a list of strings"),
        ({"source": None}, MISSING.format("source")),
        ({"target": ""}, MISSING.format("target")),
        ({"target": 7}, "Invalid request: target parameter must be a string"),
        ({"source": "xx"}, "xx is not supported"),
        ({"target": "zz"}, "zz is not supported"),
        ({"target": "auto"}, "auto is not supported"),
        ({"source": "de"}, "Russian (ru) is not available as a target language from German (de)"),
        (
            {"q": "Guten Morgen, wie geht es Ihnen heute?", "source": "auto"},
            "Russian (ru) is not available as a target language from German (de)",
        ),
        ({"format": "xml"}, "xml format is not supported; allowed: text, html"),
        ({"format": 1}, "Invalid request: format parameter must be a string"),
        ({"alternatives": -1}, "Invalid request: alternatives parameter must be >= 0"),
        ({"alternatives": "-1"}, "Invalid request: alternatives parameter must be >= 0"),
        ({"alternatives": 16}, "Invalid request: alternatives parameter must be <= 15"),
        ({"alternatives": True}, "Invalid request: alternatives parameter is not a number"),
        ({"alternatives": "x"}, "Invalid request: alternatives parameter is not a number"),
        ({"alternatives": 1.5}, "Invalid request: alternatives parameter is not a number"),
        ({"alternatives": "9" * 9999}, "Invalid request: alternatives parameter is not a number"),
        ({"q": "\ud800"}, "Invalid request: q: U+D800 at position 0 is half of a surrogate pair, no character"),
        ({"q": "a" * 101}, "Invalid request: request (101) exceeds text limit (100)"),
        ({"q": ["a"] * 6}, "Invalid request: request (6) exceeds text limit (5)"),
    ],
)
def test_bad_fields_get_a_400_in_its_words(fields: dict[str, object], message: str) -> None:
    app = app_of(max_characters=100, max_texts=5)
    response = post(app, "/translate", content=json.dumps({**ONE, **fields}), headers=JSON)
    assert (response.status_code, response.json()) == (400, {"error": message})


@pytest.mark.parametrize("other", [{}, [], 0, False, ["text"]])
def test_a_format_of_another_type_is_refused(other: object) -> None:
    response = post(app_of(), "/translate", json={**ONE, "format": other})
    assert response.status_code == 400
    assert response.json() == {"error": "Invalid request: format parameter must be a string"}


@pytest.mark.parametrize("alternatives", [None, 0, "0", ""])
def test_no_alternatives_can_be_said_in_many_ways(alternatives: object) -> None:
    assert post(app_of(), "/translate", json={**ONE, "alternatives": alternatives}).json() == {
        "translatedText": "two one"
    }


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"{", "application/json", "Invalid JSON format: "),
        (b"[]", "application/json", "Invalid JSON format: not an object"),
        (b"[" * 100_000, "application/json", "Invalid JSON format: "),
        (b"\xff", "application/json", "Invalid JSON format: "),
        (b"", "application/json", "Invalid JSON format: "),
        (b"--x\r\n", "multipart/form-data; boundary=x", ""),
        (b"junk", "multipart/form-data", ""),
        (b"%ff%00=%zz", "application/x-www-form-urlencoded", "Invalid request: the body is no form in UTF-8"),
        (b"q=%ED%A0%80&source=en&target=ru", "application/x-www-form-urlencoded", "Invalid request: the body is no"),
        (b"q=\xff&source=en&target=ru", "application/x-www-form-urlencoded", "Invalid request: the body is no form"),
        (b"&".join([b"q=a"] * 101), "application/x-www-form-urlencoded", "Invalid request: the body is no form in"),
        (b"q=a", "text/plain", "Invalid request: Content-Type text/plain is not supported; allowed: application/json"),
        (b"q=a", "", "Invalid request: Content-Type is missing and is not supported; allowed: application/json"),
        (b"", "", "Invalid request: missing q parameter"),
    ],
)
def test_bad_bodies_get_a_400_with_a_text(body: bytes, content_type: str, message: str) -> None:
    response = post(app_of(), "/translate", content=body, headers={"content-type": content_type})
    assert response.status_code == 400
    assert response.json()["error"].startswith(message)


def test_a_query_string_that_is_no_utf_8_is_refused() -> None:
    response = post(app_of(), "/translate?q=%ff&source=en&target=ru")
    assert response.json()["error"].startswith("Invalid request: the query string is no form in UTF-8")


def test_an_overload_is_a_429_with_a_text_when_no_room_came_in_time() -> None:
    tiny = model("en-ru")

    async def call(client: httpx.AsyncClient) -> httpx.Response:
        engine_of(tiny).errors.append(EngineOverloadedError("the queue is full", retry_after_s=2.0))
        return await client.post("/translate", json=ONE)

    response = ask(app_of(tiny, libretranslate_wait_s=0.0), call)
    assert (response.status_code, response.json(), response.headers["retry-after"]) == (
        429,
        {"error": "the queue is full"},
        "2",
    )


def test_room_is_waited_for_since_clients_stay_away_for_long_after_a_429() -> None:
    tiny = model("en-ru")

    async def call(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response]:
        full = EngineOverloadedError("the queue is full", retry_after_s=0.001)
        engine_of(tiny).errors += [full, full, full]
        patient = await client.post("/translate", json=ONE)
        engine_of(tiny).errors += [full]
        return patient, await client.post("/v1/translate", json={"text": "a", "source": "en", "target": "ru"})

    patient, v1 = ask(app_of(tiny), call)
    assert (patient.status_code, patient.json()) == (200, {"translatedText": "two one"})
    assert v1.status_code == 429


def test_auto_finds_the_language_of_each_text_by_itself() -> None:
    q = ["The weather is nice today.", "Сегодня хорошая погода.", "12 👍"]
    answer = post(app_of(), "/translate", json={"q": q, "source": "auto", "target": "ru"}).json()
    assert answer["translatedText"] == ["today. nice is weather The", "Сегодня хорошая погода.", "12 👍"]
    detected = answer["detectedLanguage"]
    assert [each["language"] for each in detected] == ["en", "ru", "en"]
    assert detected[0]["confidence"] > 90 < detected[1]["confidence"] <= 100
    assert detected[2]["confidence"] == 0
    one = post(app_of(), "/translate", data={"q": q[0], "source": "auto", "target": "ru"}).json()
    assert one["detectedLanguage"] == detected[0]
    assert one["translatedText"] == answer["translatedText"][0]


def test_a_text_in_a_language_that_is_not_served_is_named() -> None:
    q = ["The weather is nice today.", "Il fait très beau aujourd'hui, n'est-ce pas ?"]
    response = post(app_of(), "/translate", json={"q": q, "source": "auto", "target": "ru"})
    assert (response.status_code, response.json()) == (400, {"error": "fr is not supported"})


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("The weather is nice today.", ["en"]),
        ("Сегодня хорошая погода.", ["ru"]),
        ("Il fait très beau aujourd'hui, n'est-ce pas ?", ["fr"]),
        ("Museum", ["en", "de"]),
        ("12 👍", ["en"]),
    ],
)
def test_detect_lists_what_a_text_may_be_in(text: str, languages: list[str]) -> None:
    """LibreTranslate lists up to three languages, none below 10 % but the first, in whole per cent: a client in Go
    takes more than one for a failure, and one in Kotlin reads integers."""
    found = post(app_of(), "/detect", data={"q": text}).json()
    assert [each["language"] for each in found] == languages
    confidences = [each["confidence"] for each in found]
    assert confidences == sorted(confidences, reverse=True)
    assert all(confidence in range(101) for confidence in confidences)
    assert min(confidences[1:], default=100) >= 10
    assert post(app_of(), "/detect", json={"q": [text], "api_key": None}).json() == found
    assert post(app_of(), "/detect", params={"q": text}).json() == found


def test_detect_lists_no_more_than_three_languages() -> None:
    served = model("en-de", "en-es", "en-fr", "en-ru")
    assert len(post(app_of(served), "/detect", data={"q": "hello"}).json()) == 3


def test_detect_without_a_text() -> None:
    response = post(app_of(), "/detect", data={"api_key": ""})
    assert (response.status_code, response.json()) == (400, {"error": MISSING.format("q")})


@pytest.mark.parametrize(("q", "text"), [("one & two", "two & one"), ("one &amp; two", "two &amp; one")])
def test_plain_text_that_is_said_to_be_html_is_plain_text_again(q: str, text: str) -> None:
    """jefs42/libretranslate (Nextcloud) says so of every text, and Discourse of titles; both show what comes back."""
    assert post(app_of(), "/translate", json={**ONE, "q": q, "format": "html"}).json() == {"translatedText": text}


def test_html_keeps_its_tags() -> None:
    body = {**ONE, "q": ["<p>one <b>two</b> &amp; &lt;x&gt;</p>", "<br>"], "format": "html"}
    answer = post(app_of(), "/translate", json=body).json()
    # The network turns words round. An escaped tag is a placeholder, which it does not see.
    assert answer == {"translatedText": ["<p>&amp; <b>two</b> one &lt;x&gt;</p>", "<br>"]}
