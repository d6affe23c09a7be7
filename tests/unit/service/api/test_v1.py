"""/v1: the shape of answers and of errors, and nothing that a client sends makes a 500."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.errors import EngineDeadlineError, EngineFailedError, EngineOverloadedError, EngineUnavailableError
from tests.unit.service.api.client import app_of, ask, get, post, running
from tests.unit.service.fakes import engine_of, model

ONE = {"text": "one two", "source": "en", "target": "ru"}
JSON = {"content-type": "application/json"}


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


BAD_BODIES: list[tuple[str, bytes, str, str]] = [
    ("malformed", b'{"text": "a', "body", "not valid JSON"),
    ("no body", b"", "body", "Field required"),
    ("not UTF-8", b'{"text": "\xff\xfe"}', "", "error parsing the body"),
    ("deep", b"[" * 100_000, "", "error parsing the body"),
    ("a long number", b"9" * 10_000, "", "error parsing the body"),
    ("an array", b"[]", "body", "got []"),
    ("no text", b'{"source": "en", "target": "ru"}', "text", "text: Field required"),
    ("text a number", b'{"text": 5, "source": "en", "target": "ru"}', "text", "a string or a list of strings (got 5)"),
    ("text a mixed list", b'{"text": ["a", 5], "source": "en", "target": "ru"}', "text", "list of strings"),
    ("text an empty list", b'{"text": [], "source": "en", "target": "ru"}', "text", "empty list"),
    ("text null", b'{"text": null, "source": "en", "target": "ru"}', "text", "got None"),
    ("a lone surrogate", b'{"text": "a\\ud800b", "source": "en", "target": "ru"}', "text", "U+D800 at position 1"),
    ("a surrogate as language", b'{"text": "a", "source": "\\udc00", "target": "ru"}', "source", "'\\udc00'"),
    ("an unknown language", b'{"text": "a", "source": "xx", "target": "ru"}', "", "'xx' is not a served language"),
    ("a pair not served", b'{"text": "a", "source": "de", "target": "ru"}', "", "de-ru is not a served pair"),
    ("an unknown field", b'{"text": "a", "source": "en", "target": "ru", "q": 1}', "q", "q: Extra inputs"),
]  # fmt: skip

BAD_OPTIONS = [
    ('"beam_size": 0', "options.beam_size", "0"),
    ('"beam_size": 99', "options.beam_size", "1..16"),
    ('"beam_size": "4"', "options.beam_size", "valid integer"),
    ('"length_penalty": NaN', "options.length_penalty", "nan"),
    ('"max_length": 1' + "0" * 400, "options.max_length", "1000"),
    ('"n_best": true', "options.n_best", "True"),
    ('"beams": 4', "options.beams", "Extra inputs"),
]
BAD_BODIES += [
    (options[:30], b'{"text": "a", "source": "en", "target": "ru", "options": {%s}}' % options.encode(), field, message)
    for options, field, message in BAD_OPTIONS
]


@pytest.mark.parametrize(
    ("body", "field", "message"), [row[1:] for row in BAD_BODIES], ids=[row[0] for row in BAD_BODIES]
)
def test_bad_bodies_are_explained(body: bytes, field: str, message: str) -> None:
    response = post(app_of(), "/v1/translate", content=body, headers=JSON)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] in ("invalid_request", "unsupported_pair")
    assert message in error["message"]
    assert len(error["message"]) < 500
    if field:
        assert error["field"] == field


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "a\x00b",
        "👍🏽 👨‍👩‍👧",
        "مرحبا بالعالم",
        "\u202eabc",
        "w" * 10_000,
        "w " * 10_000,
        "\n" * 1000,
        "\ufeff\ufffe",
    ],
    ids=ascii,
)
def test_odd_text_is_answered_and_keeps_its_characters(text: str) -> None:
    response = post(app_of(), "/v1/translate", json={**ONE, "text": text})
    assert response.status_code == 200
    assert sorted("".join(response.json()["translations"][0]["text"].split())) == sorted("".join(text.split()))


def test_other_content_types_methods_and_paths() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        wrong_type = await client.post("/v1/translate", data=ONE)
        assert (wrong_type.status_code, wrong_type.json()["error"]["field"]) == (400, "body")
        wrong_method = await client.get("/v1/translate")
        assert (wrong_method.status_code, wrong_method.json()["error"]["type"]) == (405, "method_not_allowed")
        assert wrong_method.headers["allow"] == "POST"
        nowhere = await client.get("/v2/\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"))
        assert (nowhere.status_code, nowhere.json()["error"]["type"]) == (404, "not_found")
        no_model = await client.post("/v1/translate", json={**ONE, "model": "nope"})
        assert (no_model.status_code, no_model.json()["error"]["type"]) == (404, "not_found")

    ask(app_of(), call)


def test_limits_of_text_and_body() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield json.dumps(ONE).encode()
            for _ in range(100):
                yield b" " * 100

        for request in (
            {"json": {**ONE, "text": "a" * 101}},
            {"json": {**ONE, "text": ["a"] * 6}},
            {"json": {**ONE, "text": "a" * 2000}},
            {"content": chunks(), "headers": JSON},
        ):
            response = await client.post("/v1/translate", **request)
            assert (response.status_code, response.json()["error"]["type"]) == (413, "too_large")
            assert "allowed" in response.json()["error"]["message"]
        assert (await client.get("/readyz")).status_code == 200

    ask(app_of(max_characters=100, max_texts=5, max_body_bytes=1000), call)


@pytest.mark.parametrize(
    ("error", "status", "kind", "retry_after"),
    [
        (EngineOverloadedError("full", retry_after_s=6.2), 429, "overloaded", "7"),
        (EngineUnavailableError("stopped"), 503, "unavailable", "5"),
        (EngineDeadlineError("late"), 504, "deadline_exceeded", None),
        (EngineFailedError("broke"), 500, "internal", None),
        (ZeroDivisionError("secret"), 500, "internal", None),
    ],
)
def test_what_the_engine_raises(error: Exception, status: int, kind: str, retry_after: str | None) -> None:
    tiny = model("en-ru")

    async def call(client: httpx.AsyncClient) -> httpx.Response:
        engine_of(tiny).errors.append(error)
        return await client.post("/v1/translate", json=ONE)

    response = ask(app_of(tiny), call)
    assert (response.status_code, response.json()["error"]["type"]) == (status, kind)
    assert response.headers.get("retry-after") == retry_after
    assert "secret" not in response.text


def test_draining_refuses_new_work_and_finishes_the_old() -> None:
    tiny = model("en-ru")
    app = app_of(tiny)

    async def call(client: httpx.AsyncClient) -> None:
        engine = engine_of(tiny)
        engine.gate.clear()
        old = asyncio.create_task(client.post("/v1/translate", json=ONE))
        while len(engine.groups) < 2:
            await asyncio.sleep(0.001)
        app.state.services.models.draining = True
        new = await client.post("/v1/translate", json=ONE)
        assert (new.status_code, new.json()["error"]["type"]) == (503, "unavailable")
        assert int(new.headers["retry-after"]) > 0
        assert (await client.get("/readyz")).json() == {"ready": False, "reasons": ["draining: shutting down"]}
        assert (await client.get("/livez")).status_code == 200
        engine.gate.set()
        assert (await old).status_code == 200

    ask(app, call)


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


def test_startup_is_answered_while_models_load() -> None:
    tiny = model("en-ru")
    app = app_of(tiny)
    engine_of(tiny).gate.clear()

    async def run() -> None:
        transport = httpx.ASGITransport(app)
        async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://t") as c:
            response = await c.get("/readyz")
            assert (response.status_code, response.json()["reasons"]) == (
                503,
                ["loading: the models are not loaded yet"],
            )
            assert (await c.post("/v1/translate", json=ONE)).status_code == 503
            assert (await c.get("/livez")).status_code == 200
            engine_of(tiny).gate.set()
        async with running(app_of()) as client:
            assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}

    asyncio.run(run())


def test_html_is_a_format() -> None:
    answer = post(app_of(), "/v1/translate", json={**ONE, "text": "<p>one <b>two</b></p>", "format": "html"}).json()
    assert answer["translations"][0]["text"] == "<p><b>two</b> one</p>"
    refused = post(app_of(), "/v1/translate", json={**ONE, "format": "xml"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "format")
