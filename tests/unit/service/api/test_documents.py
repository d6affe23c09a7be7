"""/v1/documents: what is answered, whose documents are, and how many."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.documents.jobs import DocumentJobs, Upload
from service.documents.reading import Contents
from service.keys import KeyStore
from tests.unit.service.api.client import app_of, ask, post
from tests.unit.service.api.uploads import HTML, TURNED, finished, form
from tests.unit.service.fakes import engine_of, model


def test_a_document_is_uploaded_followed_downloaded_and_deleted() -> None:
    served = model("en-ru")

    async def call(client: httpx.AsyncClient) -> None:
        engine_of(served).gate.clear()
        answer = await client.post("/v1/documents", **form(HTML))
        job = answer.json()
        assert (answer.status_code, job["state"], job["segments"]) == (202, "queued", 2)
        assert answer.headers["location"] == f"/v1/documents/{job['id']}"
        early = await client.get(f"/v1/documents/{job['id']}/download")
        assert early.status_code == 409
        assert "0 of 2 segments" in early.json()["error"]["message"]
        engine_of(served).gate.set()
        done = await finished(client, job["id"])
        assert (done["state"], done["segments_done"], done["models"]) == ("done", 2, ["tiny@1"])
        assert (done["name"], done["error"]) == ("a b.html", None)
        assert done["created"] < done["expires"]
        for _time in range(2):
            content = await client.get(f"/v1/documents/{job['id']}/download")
            assert content.content == TURNED
        assert content.headers["content-type"] == "text/html; charset=utf-8"
        assert content.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b_ru.html"
        deleted = await client.delete(f"/v1/documents/{job['id']}")
        assert (deleted.status_code, deleted.content) == (204, b"")
        paths = [f"/v1/documents/{job['id']}", f"/v1/documents/{job['id']}/download", "/v1/documents/x"]
        assert [(await client.get(path)).status_code for path in paths] == [404] * 3
        assert (await client.delete(paths[0])).json()["error"]["type"] == "not_found"

    ask(app_of(served), call)
    assert {priority.name for _client, priority, _deadline in engine_of(served).asked[1:]} == {"BULK"}


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"data": {"target": "ru"}}, 400, "file: Field required"),
        ({"data": {"target": "ru", "file": "x"}}, 400, "file: must be a file, with a name (got 'x')"),
        ({"files": {"file": ("a.txt", b"a")}, "data": {"source": "en"}}, 400, "target: Field required"),
        (form(b"a", name="a.exe"), 400, "file: file format not supported: '.exe'; allowed: .txt, .md"),
        (form(b"a", name=""), 400, "file: "),
        (form(b"a", target="xx"), 400, "target: 'xx' is not a served language; allowed: de, en, ru"),
        (form(b"a", source="fr"), 400, "source: 'fr'"),
        (form(b"a", source="de"), 400, "target: de-ru is not a served pair"),
        (form(b"a", model="no"), 404, "model: 'no' is not loaded"),
        (form(b"a", other="x"), 400, "other: Extra inputs are not permitted"),
        (form(b"{", name="a.json"), 400, "file: not valid JSON"),
        (form(b"a" * 2001), 413, "file: 2001 characters in segment 1; allowed: at most 2000"),
        (
            form(b"a b c\n" * 1000, name="a.txt"),
            413,
            "file: 4005 characters to translate, or more",
        ),
        (form(b" " * 10_001), 413, "file: 10001 bytes; allowed: at most 10000"),
        (form(b" " * 80_000), 413, "body: more than 75536 bytes"),
        (form(b'"Language: de\\n"\n', name="a.po"), 400, "file: not a PO file"),
        (
            form(b'msgid ""\nmsgstr "Language: de\\n"\n', name="a.po"),
            400,
            "target: 'ru', but the file says that its translations are in 'de'; allowed: that",
        ),
    ],
)
def test_what_cannot_be_translated_is_refused_at_once(request_: dict[str, Any], status: int, message: str) -> None:
    app = app_of(max_characters=2000, max_document_characters=4000, max_document_bytes=10_000)
    answer = post(app, "/v1/documents", **request_)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"].startswith(message)


def test_the_language_of_a_document_is_found_out() -> None:
    served = model("en-ru", "ru-en")
    text = "съешь ещё этих мягких булок\n17\nthe quick brown fox jumps over the lazy dog\nбулок мягких этих ещё\n"

    async def call(client: httpx.AsyncClient) -> bytes:
        upload = form(text.encode(), name="a.txt", target="en", source="auto")
        job = (await client.post("/v1/documents", **upload)).json()
        await finished(client, job["id"])
        return (await client.get(f"/v1/documents/{job['id']}/download")).content

    assert ask(app_of(served), call).decode() == (
        "булок мягких этих ещё съешь\n17\nthe quick brown fox jumps over the lazy dog\nещё этих мягких булок\n"
    )
    answer = post(
        app_of(served), "/v1/documents", **form("Où est la bibliothèque municipale ? ".encode() * 9, source="auto")
    )
    assert "source: 'fr' (found with confidence" in answer.json()["error"]["message"]


def test_a_document_belongs_to_the_key_that_made_it(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.json")
    ann, bob = (store.create(name, requests_per_minute=0, characters_per_day=25, weight=1.0) for name in ("ann", "bob"))

    async def call(client: httpx.AsyncClient) -> None:
        keys = [{"Authorization": f"Bearer {key}"} for key in (ann, bob)]
        assert (await client.post("/v1/documents", **form(HTML))).status_code == 401
        job = (await client.post("/v1/documents", **form(HTML), headers=keys[0])).json()["id"]
        for path in (f"/v1/documents/{job}", f"/v1/documents/{job}/download"):
            assert (await client.get(path, headers=keys[1])).status_code == 404
            assert (await client.get(path)).status_code == 401
        assert (await client.delete(f"/v1/documents/{job}", headers=keys[1])).status_code == 404
        assert (await finished(client, job, headers=keys[0]))["state"] == "done"
        spent = await client.post("/v1/documents", **form(HTML), headers=keys[0])
        assert (spent.status_code, spent.json()["error"]["type"]) == (429, "quota_exceeded")
        assert (await client.delete(f"/v1/documents/{job}", headers=keys[0])).status_code == 204

    ask(app_of(keys_file=str(tmp_path / "keys.json"), keys_required=True), call)


def test_there_are_no_more_documents_than_allowed() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        jobs = [(await client.post("/v1/documents", **form(HTML))).json()["id"] for _number in range(2)]
        refused = await client.post("/v1/documents", **form(HTML))
        assert (refused.status_code, refused.json()["error"]["type"]) == (429, "too_many_documents")
        assert int(refused.headers["retry-after"]) > 0
        assert "2 of yours are kept, and 2 in all; allowed: 2 and 5" in refused.json()["error"]["message"]
        await client.delete(f"/v1/documents/{jobs[0]}")
        assert (await client.post("/v1/documents", **form(HTML))).status_code == 202

    ask(app_of(max_documents=5, max_documents_per_client=2), call)


def test_of_many_that_come_at_once_no_more_are_kept_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each was checked while there was room for it."""
    all_checked = asyncio.Barrier(6)
    check = DocumentJobs.check

    async def check_all(jobs: DocumentJobs, upload: Upload) -> Contents:
        contents = await check(jobs, upload)
        await all_checked.wait()
        return contents

    async def call(client: httpx.AsyncClient) -> list[int]:
        return [
            each.status_code
            for each in await asyncio.gather(*(client.post("/v1/documents", **form(HTML)) for _number in range(6)))
        ]

    monkeypatch.setattr(DocumentJobs, "check", check_all)
    assert sorted(ask(app_of(max_documents=2), call)) == [202] * 2 + [429] * 4


def test_a_method_that_is_not_allowed_is_told_which_are() -> None:
    async def call(client: httpx.AsyncClient) -> list[str]:
        answers = [await client.put(path) for path in ("/v1/documents/x", "/v1/documents")]
        assert [answer.status_code for answer in answers] == [405, 405]
        return [answer.headers["allow"] for answer in answers]

    assert ask(app_of(), call) == ["DELETE, GET, HEAD", "POST"]
