"""Documents as jobs: over restarts, behind others, in a store that is full or none, and to their end."""

from __future__ import annotations

import asyncio
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_store.decoding.segment import Segment
from model_store.errors import ConfigError
from service.documents.store import JobStore, NewJob
from service.documents.translation import Order, Report
from service.engine.segment import SegmentResult
from service.errors import DocumentStoreError, EngineDeadlineError, EngineFailedError, EngineOverloadedError
from tests.unit.service.api.client import app_of, ask, running
from tests.unit.service.api.uploads import HTML, finished, form
from tests.unit.service.fakes import ReversingEngine, engine_of, model


class StuckEngine(ReversingEngine):
    """Never comes back from what has the word "word63"."""

    async def submit_all(self, segments: Sequence[Segment], **how: Any) -> list[SegmentResult]:
        if any("word63" in self.tokenizer.decode(segment.source) for segment in segments):
            await asyncio.Event().wait()
        return await super().submit_all(segments, **how)


def test_a_document_expires() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
        async with asyncio.timeout(20):
            while (await client.get(f"/v1/documents/{job}")).status_code != 404:
                await asyncio.sleep(0.01)

    ask(app_of(document_kept_s=0.05), call)


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


def test_what_another_version_read_in_other_segments_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "documents.sqlite"
    store = JobStore(file, kept_s=100.0)
    store.add(NewJob("x", "", "net:1", 1.0, "a.txt", Order("en", "ru"), 4, 3), b"one two\nthree four\n")
    store.progress("x", {0: "of another", 1: "place", 2: "and more"}, Report(Counter({"truncated": 1})))
    store.close()

    async def call(client: httpx.AsyncClient) -> tuple[dict[str, Any], str]:
        done = await finished(client, "x")
        return done, (await client.get("/v1/documents/x/download")).text

    done, text = ask(app_of(documents_file=str(file)), call)
    assert text == "two one\nfour three\n"
    assert (done["segments"], done["segments_done"], done["warnings"]) == (2, 2, {})


def test_what_is_begun_anew_has_nothing_done_and_goes_on_from_there() -> None:
    store = JobStore(None, kept_s=100.0)
    store.add(NewJob("x", "", "", 1.0, "a.txt", Order("en", "ru"), 4, 3), b"one")
    store.progress("x", {0: "a", 3: "b"}, Report(Counter({"truncated": 1}), {"m@1"}))
    store.begin_anew("x", 2)
    job = store.get("x")
    assert job is not None
    assert (job.new.segments, job.done, job.report) == (2, 0, Report())
    store.progress("x", {1: "c"}, Report())
    assert store.work("x") == (b"one", {1: "c"})
    assert (job := store.get("x")) is not None
    assert job.done == 1


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


def test_a_document_that_is_deleted_while_it_is_asked_for_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    result = JobStore.result

    def deleted_just_now(store: JobStore, job_id: str) -> bytes | None:
        store.delete(job_id)
        return result(store, job_id)

    monkeypatch.setattr(JobStore, "result", deleted_just_now)

    async def call(client: httpx.AsyncClient) -> None:
        job = (await client.post("/v1/documents", **form(HTML))).json()["id"]
        await finished(client, job)
        refused = await client.get(f"/v1/documents/{job}/download")
        assert (refused.status_code, refused.json()["error"]["type"]) == (404, "not_found")

    ask(app_of(model("en-ru")), call)


def test_a_store_that_is_full_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "documents.sqlite", kept_s=100.0)
    new = NewJob("x", "", "net:1", 1.0, "a.txt", Order("en", "ru"), 1, 3)
    store.add(new, b"one")
    store._database._connection.execute("PRAGMA max_page_count=20")
    with pytest.raises(DocumentStoreError, match="database or disk is full"):
        store.add(replace(new, id="y"), bytes(1_000_000))
    assert store.get("y") is None
    job = store.take()
    assert job is not None
    store.finish("x", b"two")
    assert store.result("x") == b"two"
