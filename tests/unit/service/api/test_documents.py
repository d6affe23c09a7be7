"""/v1/documents: jobs, whose they are, their limits, and that they survive a restart."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.decoding.segment import Segment
from model_store.errors import ConfigError
from service.documents.store import JobStore, NewJob
from service.documents.translation import Order
from service.engine.segment import SegmentResult
from service.errors import DocumentStoreError, EngineDeadlineError, EngineFailedError, EngineOverloadedError
from service.keys import KeyStore
from tests.unit.service.api.client import app_of, ask, post, running
from tests.unit.service.fakes import ReversingEngine, engine_of, model

HTML = b'<p class="x">one <b>two</b></p>\n<p>three four</p>'
TURNED = b'<p class="x"><b>two</b> one</p>\n<p>four three</p>'


def form(content: bytes, name: str = "a b.html", target: str = "ru", **fields: str) -> dict[str, Any]:
    return {"files": {"file": (name, content)}, "data": {"source": "en", "target": target, **fields}}


async def finished(client: httpx.AsyncClient, job: str, **request: Any) -> dict[str, Any]:
    """The document's last state."""
    async with asyncio.timeout(20):
        while True:
            answer = (await client.get(f"/v1/documents/{job}", **request)).json()
            if answer["state"] in ("done", "failed"):
                assert isinstance(answer, dict)
                return answer
            await asyncio.sleep(0.01)


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
        assert b'verso_documents_total{format=".html",outcome="done"} 1.0' in (await client.get("/metrics")).content

    ask(app_of(served), call)
    assert {priority.name for _client, priority, _deadline in engine_of(served).asked[1:]} == {"BULK"}


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"data": {"target": "ru"}}, 400, "file: Field required"),
        ({"data": {"target": "ru", "file": "x"}}, 400, "file: "),
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


def test_a_document_expires() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
        async with asyncio.timeout(20):
            while (await client.get(f"/v1/documents/{job}")).status_code != 404:
                await asyncio.sleep(0.01)

    ask(app_of(document_kept_s=0.05), call)


class StuckEngine(ReversingEngine):
    """Never comes back from what has the word "word63"."""

    async def submit_all(self, segments: Sequence[Segment], **how: Any) -> list[SegmentResult]:
        if any("word63" in self.tokenizer.decode(segment.source) for segment in segments):
            await asyncio.Event().wait()
        return await super().submit_all(segments, **how)


def test_a_job_that_was_running_is_taken_up_after_a_restart(tmp_path: Path) -> None:
    """Of its two parts one is done when the process ends; the next process does the other."""
    lines = [f"word{number} word{number + 1}\n" for number in range(64)]
    file = tmp_path / "documents.sqlite"
    first, second = model("en-ru"), model("en-ru")
    first = replace(first, engine=StuckEngine(first.tokenizer))

    async def run() -> None:
        async with running(app_of(first, documents_file=str(file))) as client:
            upload = form("".join(lines).encode(), name="a.txt")
            job = (await client.post("/v1/documents", **upload)).json()["id"]
            async with asyncio.timeout(20):
                while (before := (await client.get(f"/v1/documents/{job}")).json())["segments_done"] == 0:
                    await asyncio.sleep(0.01)
            assert (before["state"], before["segments_done"], before["segments"]) == ("running", 32, 64)
            with pytest.raises(ConfigError, match=r"documents_file: .* cannot be used: database is locked"):
                JobStore(file, kept_s=1.0)
        async with running(app_of(second, documents_file=str(file))) as client:
            done = await finished(client, job)
            content = (await client.get(f"/v1/documents/{job}/download")).text
        assert (done["state"], done["created"]) == ("done", before["created"])
        assert content == "".join(f"word{number + 1} word{number}\n" for number in range(64))
        warm_up, rest = engine_of(second).groups
        assert (len(warm_up), len(rest)) == (1, 32)

    asyncio.run(run())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"not a database" * 100, b""], ids=["other", "empty"])
def test_a_file_that_is_no_store_is_said_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "documents.sqlite"
    file.write_bytes(content)
    if content:
        with pytest.raises(ConfigError, match=r"documents_file: .* cannot be used: file is not a database"):
            JobStore(file, kept_s=1.0)
    else:
        JobStore(file, kept_s=1.0).close()
    with pytest.raises(ConfigError, match=r"documents_file: .*No such file"):
        JobStore(tmp_path / "no" / "where", kept_s=1.0)


def test_a_full_queue_is_waited_for_and_an_error_is_told() -> None:
    served = model("en-ru")
    late = [EngineOverloadedError("full", retry_after_s=0.01), EngineDeadlineError("late"), EngineDeadlineError("late")]

    async def call(client: httpx.AsyncClient) -> None:
        engine_of(served).errors = [*late]
        job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
        assert (await finished(client, job))["state"] == "done"
        for error, type_ in ((EngineFailedError("it broke"), "internal"), (ValueError("a secret"), "internal")):
            engine_of(served).errors = [error]
            job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
            failed = await finished(client, job)
            assert (failed["state"], failed["error"]["type"]) == ("failed", type_)
            assert ("it broke" in failed["error"]["message"]) == isinstance(error, EngineFailedError)
            assert "secret" not in failed["error"]["message"]
            refused = await client.get(f"/v1/documents/{job}/download")
            assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")

    ask(app_of(served), call)


def test_a_job_that_ends_every_process_is_given_up(tmp_path: Path) -> None:
    file = tmp_path / "documents.sqlite"
    order = Order("en", "ru")
    for number in range(6):
        store = JobStore(file, kept_s=100.0)
        if number == 0:
            store.add(NewJob("x", "", "net:1", 1.0, "a.txt", order, 1, 3), b"one")
        if number < 5:
            assert store.take() is not None
        store.close()

    async def call(client: httpx.AsyncClient) -> dict[str, Any]:
        return await finished(client, "x")

    failed = ask(app_of(documents_file=str(file)), call)
    assert "begun 5 times" in failed["error"]["message"]


def test_clients_take_turns() -> None:
    store = JobStore(None, kept_s=100.0)
    for name, client in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")):
        store.add(NewJob(name, "", client, 1.0, "a.txt", Order("en", "ru"), 1, 3), b"one")
    taken = [store.take() for _number in range(5)]
    assert [job and job.new.id for job in taken] == ["a1", "b1", "a2", "a3", None]


def test_deleting_a_running_job_stops_it() -> None:
    served = model("en-ru")

    async def call(client: httpx.AsyncClient) -> None:
        engine_of(served).gate.clear()
        job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
        async with asyncio.timeout(20):
            while len(engine_of(served).groups) < 2:  # the first was to warm up
                await asyncio.sleep(0.001)
            await client.delete(f"/v1/documents/{job}")
            while not engine_of(served).cancelled:
                await asyncio.sleep(0.001)
        engine_of(served).gate.set()
        job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
        assert (await finished(client, job))["state"] == "done"

    ask(app_of(served), call)


def test_a_method_that_is_not_allowed_is_told_which_are() -> None:
    async def call(client: httpx.AsyncClient) -> list[str]:
        answers = [await client.put(path) for path in ("/v1/documents/x", "/v1/documents")]
        assert [answer.status_code for answer in answers] == [405, 405]
        return [answer.headers["allow"] for answer in answers]

    assert ask(app_of(), call) == ["DELETE, GET", "POST"]


def test_a_store_that_is_full_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "documents.sqlite", kept_s=100.0)
    new = NewJob("x", "", "net:1", 1.0, "a.txt", Order("en", "ru"), 1, 3)
    store.add(new, b"one")
    store._connection.execute("PRAGMA max_page_count=20")
    with pytest.raises(DocumentStoreError, match="database or disk is full"):
        store.add(replace(new, id="y"), bytes(1_000_000))
    assert store.get("y") is None
    job = store.take()
    assert job is not None
    store.finish("x", b"two")
    assert store.result("x") == b"two"
