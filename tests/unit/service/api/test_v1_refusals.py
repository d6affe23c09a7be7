"""/v1: what is refused, and how; nothing that a client sends makes a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import get_args

import httpx
import pytest

from service.api.error_handlers import statuses
from service.api.schemas import ErrorDetail
from service.errors import EngineDeadlineError, EngineFailedError, EngineOverloadedError, EngineUnavailableError
from tests.unit.service.api.client import ONE, app_of, ask, post, running
from tests.unit.service.fakes import engine_of, model

JSON = {"content-type": "application/json"}


BAD_BODIES: list[tuple[str, bytes, str, str]] = [
    ("malformed", b'{"text": "a', "body", "not valid JSON"),
    ("no body", b"", "body", "Field required"),
    ("not UTF-8", b'{"text": "\xff\xfe"}', "body", "cannot be read; allowed: JSON in UTF-8"),
    ("deep", b"[" * 100_000, "body", "less than a thousand deep"),
    ("a long number", b"9" * 10_000, "body", "4300 digits"),
    ("compressed", b"\x1f\x8b\x08\x00", "body", "not compressed"),
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
        assert (wrong_type.status_code, wrong_type.json()["error"]["field"]) == (400, "Content-Type")
        assert "'application/x-www-form-urlencoded' is not read; allowed: application/json" in wrong_type.text
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

        for field, request in (
            ("text", {"json": {**ONE, "text": "a" * 101}}),
            ("text", {"json": {**ONE, "text": ["a"] * 6}}),
            ("body", {"json": {**ONE, "text": "a" * 2000}}),
            ("body", {"content": chunks(), "headers": JSON}),
        ):
            response = await client.post("/v1/translate", **request)
            error = response.json()["error"]
            assert (response.status_code, error["type"], error["field"]) == (413, "too_large", field)
            assert "allowed" in error["message"]
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


def test_every_reason_is_documented() -> None:
    assert set(get_args(ErrorDetail.model_fields["type"].annotation)) == set(statuses())


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
