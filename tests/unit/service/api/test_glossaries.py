"""Glossaries over HTTP: in a request, kept under a name, each key's apart."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api import glossaries
from service.keys import KeyStore
from service.text.glossary import GlossaryTerm
from service.text.glossary_files import read_terms
from tests.unit.service.api.client import app_of, ask, post, running

ONE = {"text": "one two", "source": "en", "target": "ru"}
TERMS = [{"source": "one", "target": "one"}, {"source": "two", "target": "zebra*"}]
KEPT = {"source": "en", "target": "ru", "terms": TERMS}
TSV = {"content-type": "text/tab-separated-values; charset=utf-8"}


def test_terms_in_a_request() -> None:
    answer = post(app_of(), "/v1/translate", json={**ONE, "glossary": TERMS}).json()
    ((segment,),) = (translation["segments"] for translation in answer["translations"])
    assert segment["terms"] == [
        {"source": [0, 3], "target": [4, 7], "term": "one", "translation": "one"},
        {"source": [4, 7], "target": None, "term": "two", "translation": "zebra*"},
    ]
    assert segment["warnings"] == ["term_missing"]


def test_a_file_is_read_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    readers = []

    def read(*given: Any) -> list[GlossaryTerm]:
        readers.append(threading.current_thread())
        return read_terms(*given)

    monkeypatch.setattr(glossaries, "read_terms", read)

    async def call(client: httpx.AsyncClient) -> int:
        file = {"content": b"one\tone\n", "params": {"source": "en", "target": "ru"}, "headers": TSV}
        return (await client.put("/v1/glossaries/mine", **file)).status_code  # type: ignore[arg-type]

    assert ask(app_of(), call) == 200
    assert len(readers) == 1
    assert readers[0] is not threading.current_thread()


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"glossary": []}, "glossary", "at least 1 item"),
        ({"glossary": [{"source": "..", "target": "x"}]}, "glossary.source", "'..' is no term"),
        ({"glossary": [{"source": "{name}", "target": "x"}]}, "glossary.source", "has the placeholder '{name}'"),
        ({"glossary": [{"source": "a"}]}, "glossary.terms.0.target", "glossary.terms.0.target: Field required"),
        ({"glossary": 5}, "glossary", "glossary: must be a list of terms, or the name of a kept glossary (got 5)"),
        ({"glossary": "nobody's"}, "glossary", 'there is none named "nobody\'s"'),
        ({"glossary": TERMS, "source": "auto"}, "glossary", "not with source 'auto'"),
        ({"prefix": " x"}, "prefix", "begins with white space"),
        ({"prefix": 5}, "prefix", "valid string"),
        ({"stream": "yes"}, "stream", "valid boolean"),
    ],
)
def test_what_is_refused(change: dict[str, Any], field: str, message: str) -> None:
    response = post(app_of(), "/v1/translate", json={**ONE, **change})
    error = response.json()["error"]
    assert response.status_code == (404 if "none named" in message else 400)
    assert error["field"].startswith(field)
    assert message in error["message"]


def test_kept_ones_are_put_used_listed_replaced_and_deleted() -> None:
    async def run(client: httpx.AsyncClient) -> None:
        put = await client.put("/v1/glossaries/it-1.a", json=KEPT)
        assert put.status_code == 200
        assert {**put.json(), "changed": ""} == {
            "name": "it-1.a",
            "source": "en",
            "target": "ru",
            "count": 2,
            "changed": "",
        }
        used = (await client.post("/v1/translate", json={**ONE, "glossary": "it-1.a"})).json()
        assert [use["term"] for use in used["translations"][0]["segments"][0]["terms"]] == ["one", "two"]
        auto = await client.post("/v1/translate", json={**ONE, "source": "auto", "glossary": "it-1.a"})
        assert "glossary: not with source 'auto'" in auto.json()["error"]["message"]
        wrong = await client.post("/v1/translate", json={**ONE, "target": "de", "glossary": "it-1.a"})
        assert wrong.status_code == 400
        assert "'it-1.a' is for en-ru; allowed: one for en-de" in wrong.json()["error"]["message"]
        file = await client.put(
            "/v1/glossaries/it-1.a?source=EN&target=ru", content="en\tru\nfile\tфайл*\n".encode(), headers=TSV
        )
        assert file.json()["count"] == 1
        got = (await client.get("/v1/glossaries/it-1.a")).json()
        assert got["terms"] == [{"source": "file", "target": "файл*"}]
        listed = (await client.get("/v1/glossaries")).json()["glossaries"]
        assert [each["name"] for each in listed] == ["it-1.a"]
        assert (await client.delete("/v1/glossaries/it-1.a")).status_code == 204
        assert (await client.delete("/v1/glossaries/it-1.a")).status_code == 404
        assert (await client.get("/v1/glossaries/it-1.a")).json()["error"]["field"] == "glossary"

    ask(app_of(), run)


@pytest.mark.parametrize(
    ("path", "request_", "message"),
    [
        ("x?source=en&target=ru", {"content": b"alone", "headers": TSV}, "glossary: line 1: 'alone' has one column"),
        ("x?target=ru", {"content": b"a\tb", "headers": TSV}, "source: is missing in the query"),
        ("x", {"content": b"a", "headers": {"content-type": "image/png"}}, "Content-Type: 'image/png' is not read"),
        ("x?target=de", {"json": KEPT}, "target: is 'de' in the query; allowed: 'ru', as in the body, or none"),
        ("x", {"json": {**KEPT, "target": "fr"}}, "target: 'fr' is not a served language"),
        ("x", {"json": {**KEPT, "terms": []}}, "terms: List should have at least 1 item"),
        ("x", {"json": {**KEPT, "terms": [{"source": "%s", "target": "x"}]}}, "'%s' has the placeholder '%s'"),
        (
            "x",
            {"content": b"{", "headers": {"content-type": "application/json"}},
            "body: not valid JSON: EOF",
        ),
        ("a b", {"json": KEPT}, "name: String should match pattern"),
    ],
)
def test_what_cannot_be_kept(path: str, request_: dict[str, Any], message: str) -> None:
    response = ask(app_of(), lambda client: client.put(f"/v1/glossaries/{path}", **request_))
    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


def test_each_key_has_its_own_and_a_wrong_one_has_none(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys.json")
    secrets = [keys.create(name, requests_per_minute=0, characters_per_day=0, weight=1.0) for name in ("anna", "bert")]
    app = app_of(keys_file=str(tmp_path / "keys.json"), glossaries_file=str(tmp_path / "terms.db"))

    async def run() -> None:
        async with running(app) as client:
            anna, bert, nobody = ({"authorization": f"Bearer {secret}"} for secret in (*secrets, "wrong"))
            assert (await client.put("/v1/glossaries/it", json=KEPT, headers=anna)).status_code == 200
            assert (await client.get("/v1/glossaries/it", headers=anna)).status_code == 200
            assert (await client.get("/v1/glossaries/it", headers=bert)).status_code == 404
            assert (await client.get("/v1/glossaries/it")).status_code == 404
            assert (await client.get("/v1/glossaries/it", headers=nobody)).status_code == 401
            body = {**ONE, "glossary": "it"}
            assert (await client.post("/v1/translate", json=body, headers=bert)).status_code == 404
            assert (await client.post("/v1/translate", json=body, headers=anna)).status_code == 200

    asyncio.run(run())
