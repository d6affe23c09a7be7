"""The client against the app: typed answers, the service's errors as exceptions, and what it does not import."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from service.client_answers import event_of
from service.errors import EngineOverloadedError, InputError
from service.keys import KeyStore
from tests.unit.service.api.client import app_of, running
from tests.unit.service.fakes import engine_of, model, summarizer
from verso import (
    AnswerError,
    AsyncClient,
    BadRequestError,
    Client,
    ConnectionFailedError,
    KeyRefusedError,
    NotFoundError,
    OverloadedError,
    PairNotServedError,
    TooLargeError,
    UnavailableError,
)

T = TypeVar("T")


def test_it_imports_neither_torch_nor_fastapi() -> None:
    code = "import sys, verso; print(sorted({'torch', 'fastapi', 'starlette', 'model_store'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def ask(call: Callable[[AsyncClient], Awaitable[T]], *models: Any, **settings: Any) -> T:
    app = app_of(*models, **settings)

    async def run() -> T:
        async with running(app), AsyncClient("http://t", transport=httpx.ASGITransport(app)) as client:
            return await call(client)

    return asyncio.run(run())


def test_a_document_from_upload_to_deletion() -> None:
    async def call(client: AsyncClient) -> tuple[bytes, int]:
        state = await client.upload_document("a.md", b"# one *two*", source="en", target="ru")
        while state.state != "done":
            await asyncio.sleep(0.01)
            state = await client.document(state.id)
        content = await client.download_document(state.id)
        await client.delete_document(state.id)
        for ask_again in (client.document, client.download_document, client.delete_document):
            with pytest.raises(NotFoundError, match="document: there is none of the id"):
                await ask_again(state.id)
        with pytest.raises(BadRequestError, match="file: not valid JSON"):
            await client.upload_document("a.json", b"{", source="en", target="ru", model="tiny")
        return content, state.segments

    assert ask(call) == (b"# *two* one", 1)


def test_translations_with_their_alternatives_and_alignment() -> None:
    best = ask(lambda client: client.translate("one two", source="en", target="ru", n_best=2))
    assert (best.text, best.source, best.via) == ("two one", "en", None)
    assert [each.text for each in best.alternatives] == ["two one!"]
    assert best.alignment
    many = ask(lambda client: client.translate_many(["one two", "", "слово"], source="auto", target="de"))
    assert [(each.text, each.source) for each in many[:2]] == [("two one", "en"), ("", "en")]
    assert many[2].via == "en"
    assert many[2].detected is not None


def test_summaries_languages_models_and_detection() -> None:
    models = (model("en-ru", "ru-en"), summarizer("en"))
    assert ask(lambda client: client.summarize("one two three four", language="en"), *models).text == "one two"
    languages = ask(lambda client: client.languages(), *models)
    assert (languages[0].code, languages[0].name, languages[0].targets) == ("en", "English", ("en", "ru"))
    loaded = ask(lambda client: client.models(), *models)
    assert [(each.name, each.task) for each in loaded] == [("tiny", "translate"), ("short", "summarize")]
    assert ask(lambda client: client.detect("съешь ещё этих мягких булок"), *models)[0].language == "ru"


@pytest.mark.parametrize(
    ("asked", "kind", "field", "words"),
    [
        ({"target": "ja"}, PairNotServedError, "target", "'ja' is not a served language"),
        ({"target": "ru", "n_best": 17}, BadRequestError, "options.n_best", "allowed: 1..16"),
        ({"target": "ru", "model": "nowhere"}, NotFoundError, "model", "'nowhere' is not loaded"),
    ],
)
def test_refusals_are_exceptions_in_the_services_words(
    asked: dict[str, Any], kind: type[AnswerError], field: str | None, words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        ask(lambda client: client.translate("one", source="en", **asked))
    assert caught.value.field == field


def test_too_much_too_busy_and_not_there() -> None:
    with pytest.raises(TooLargeError):
        ask(lambda client: client.translate("x" * 101, source="en", target="ru"), max_characters=100)
    tiny = model("en-ru")

    async def overloaded(client: AsyncClient) -> None:
        engine_of(tiny).errors.append(EngineOverloadedError("full", retry_after_s=7.0))
        await client.translate("one", source="en", target="ru")

    with pytest.raises(OverloadedError) as caught:
        ask(overloaded, tiny)
    assert caught.value.retry_after_s == 7.0
    with pytest.raises(ConnectionFailedError, match="no answer"), Client("http://127.0.0.1:9") as client:
        client.models()


def test_what_is_no_verso_server_is_said() -> None:
    def answer(status: int, body: str) -> Client:
        return Client("http://t", transport=httpx.MockTransport(lambda _request: httpx.Response(status, text=body)))

    with pytest.raises(AnswerError, match="answers 502 as no Verso server does"):
        answer(502, "<html>").models()
    with pytest.raises(AnswerError, match="not what a Verso server says"):
        answer(200, '{"translations": [{}]}').translate("a", source="en", target="ru")
    with pytest.raises(UnavailableError, match="loading"):
        answer(503, '{"error": "loading"}').languages()


def test_a_prefix_a_glossary_and_what_is_refused_of_them() -> None:
    def asked(**options: Any) -> Any:
        return ask(lambda client: client.translate("one two", source="en", target="ru", **options))

    assert asked(glossary={"one": "one"}).warnings == ()
    assert asked(glossary={"one": "zebra"}).warnings == ("term_missing",)
    with pytest.raises(NotFoundError, match="none named 'office'"):
        asked(glossary="office")
    with pytest.raises(BadRequestError, match="prefix: begins with white space"):
        asked(prefix=" x")


def test_a_stream_ends_in_the_translation() -> None:
    async def heard(client: AsyncClient) -> list[str]:
        return [text async for text in client.stream("One two. Three four.", source="en", target="ru")]

    texts = ask(heard)
    assert texts[-1] == "two. One four. Three"
    assert len(texts) > 1
    assert all(texts[-1].startswith(text) for text in texts)

    broken = "One.\u2028Two.\u2029Three.\x85Four."

    async def both(client: AsyncClient) -> tuple[str, str]:
        whole = await client.translate(broken, source="en", target="ru")
        return whole.text, [text async for text in client.stream(broken, source="en", target="ru")][-1]

    plain, streamed = ask(both)
    assert plain == streamed
    assert {"\u2028", "\u2029", "\x85"} <= set(streamed)

    async def refused(client: AsyncClient) -> list[str]:
        return [text async for text in client.stream("one", source="en", target="xx")]

    with pytest.raises(PairNotServedError, match="'xx' is not a served language"):
        ask(refused)


def test_an_error_in_a_stream_is_the_exception_that_it_is_elsewhere() -> None:
    line = 'data: {"error": {"type": "overloaded", "message": "full", "field": null}}'
    with pytest.raises(OverloadedError, match="full"):
        event_of(line)
    assert event_of("event: partial") is None
    assert event_of("") is None


def test_models_of_other_tasks() -> None:
    made = replace(model("en-en", name="sums"), task="math")
    outputs = ask(lambda client: client.generate(["one two", "a b"], model="sums"), made)
    assert [each.text for each in outputs] == ["two one", "b a"]
    with pytest.raises(BadRequestError, match="is asked at /v1/translate"):
        ask(lambda client: client.generate(["one"], model="tiny"))


def test_a_key_is_sent_and_one_that_is_wrong_or_missing_is_an_error_of_its_own(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    secret = KeyStore(keys).create("me", requests_per_minute=0, characters_per_day=0, weight=1.0)

    async def run(api_key: str | None) -> str:
        app = app_of(keys_file=str(keys), keys_required=True)
        transport = httpx.ASGITransport(app)
        async with running(app), AsyncClient("http://t", api_key=api_key, transport=transport) as client:
            return (await client.translate("one two", source="en", target="ru")).text

    for sent in (secret, f"{secret}\n"):  # as files of secrets end
        assert asyncio.run(run(sent)) == "two one"
    for wrong, words in {None: "a key is required", "": "a key is required", "k": "not a key of this service"}.items():
        with pytest.raises(KeyRefusedError, match=words):
            asyncio.run(run(wrong))
    for impossible in ("ключ", "two words", "a\nb"):
        with pytest.raises(InputError, match="api_key: it has") as refused:
            asyncio.run(run(impossible))
        assert impossible not in str(refused.value)


def test_the_sync_client_streams_and_generates_too() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/generate":
            return httpx.Response(200, json={"outputs": [{"text": "4", "score": -0.5}]})
        body = json.loads(request.content)
        assert body["stream"] is True
        assert request.headers["authorization"] == "Bearer k"
        result = json.dumps({"translations": [{"text": "two one", "source": "en", "score": -1.0}]})
        text = f'event: partial\ndata: {{"index": 0, "text": "two"}}\n\nevent: result\ndata: {result}\n\n'
        return httpx.Response(200, text=text, headers={"content-type": "text/event-stream"})

    with Client("http://t", api_key="k", transport=httpx.MockTransport(answer)) as client:
        assert list(client.stream("one two", source="en", target="ru")) == ["two", "two one"]
        assert client.generate(["2+2"], model="sums")[0].text == "4"
