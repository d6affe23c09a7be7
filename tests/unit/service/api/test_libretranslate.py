"""LibreTranslate's contract: four ways to send, its answers, its errors."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from service.errors import EngineOverloadedError
from tests.unit.service.api.client import app_of, ask, get, post
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
    ],
    ids=["json", "urlencoded", "multipart", "query", "json-all", "form-all", "case"],
)
def test_a_text_is_translated_however_it_is_sent(request_: dict[str, Any]) -> None:
    response = post(app_of(), "/translate", **request_)
    assert response.status_code == 200
    assert response.json() == {"translatedText": "two one"}


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


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"q": ""}, "missing q"),
        ({"q": None}, "missing q"),
        ({"q": []}, "missing q"),
        ({"q": 5}, "q: must be a string or a list of strings"),
        ({"q": ["a", {}]}, "q: must be a string or a list of strings"),
        ({"source": None}, "missing source"),
        ({"target": 7}, "target: must be a string"),
        ({"source": "xx"}, "source: 'xx' is not a served language"),
        ({"source": "auto"}, "'auto' is not supported"),
        ({"format": "html"}, "format: 'html' is not supported"),
        ({"alternatives": -1}, "alternatives: '-1'"),
        ({"alternatives": 99}, "1..16"),
        ({"alternatives": True}, "alternatives"),
        ({"alternatives": "9" * 9999}, "alternatives"),
        ({"q": "\ud800"}, "U+D800"),
        ({"q": "a" * 101}, "101 characters; allowed: 0..100"),
    ],
)
def test_bad_fields_get_a_400_with_a_text(fields: dict[str, object], message: str) -> None:
    response = post(app_of(max_characters=100), "/translate", content=json.dumps({**ONE, **fields}), headers=JSON)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert message in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff", "application/json"),
        (b"", "application/json"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"junk", "multipart/form-data"),
        (b"%ff%00=%zz", "application/x-www-form-urlencoded"),
        (b"q=%ED%A0%80&source=en&target=ru", "application/x-www-form-urlencoded"),
        (b"q=\xff&source=en&target=ru", "application/x-www-form-urlencoded"),
        (b"&".join([b"q=a"] * 101), "application/x-www-form-urlencoded"),
        (b"q=a", "text/plain"),
        (b"", ""),
    ],
)
def test_bad_bodies_get_a_400_with_a_text(body: bytes, content_type: str) -> None:
    response = post(app_of(), "/translate", content=body, headers={"content-type": content_type})
    assert response.status_code == 400
    assert isinstance(response.json()["error"], str)


def test_an_overload_is_a_429_with_a_text() -> None:
    tiny = model("en-ru")

    async def call(client: httpx.AsyncClient) -> httpx.Response:
        engine_of(tiny).errors.append(EngineOverloadedError("the queue is full", retry_after_s=2.0))
        return await client.post("/translate", json=ONE)

    response = ask(app_of(tiny), call)
    assert (response.status_code, response.json(), response.headers["retry-after"]) == (
        429,
        {"error": "the queue is full"},
        "2",
    )


def test_languages_name_their_targets() -> None:
    # libretranslatepy sends a urlencoded body with its GET.
    async def call(client: httpx.AsyncClient) -> httpx.Response:
        return await client.request("GET", "/languages", data={"api_key": ""})

    assert ask(app_of(), call).json() == [
        {"code": "de", "name": "German", "targets": ["de"]},
        {"code": "en", "name": "English", "targets": ["de", "en", "ru"]},
        {"code": "ru", "name": "Russian", "targets": ["de", "en", "ru"]},
    ]


def test_health() -> None:
    tiny = model("en-ru")
    assert get(app_of(tiny), "/health").json() == {"status": "ok"}
    engine_of(tiny).healthy = False
    response = get(app_of(tiny), "/health")
    assert (response.status_code, response.json()) == (503, {"error": "unhealthy: tiny: it broke"})
