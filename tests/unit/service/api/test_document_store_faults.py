"""Documents whose store cannot be written for a while, as on a full disk: nothing is lost, nothing said too early."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.documents.store import JobStore
from service.errors import DocumentStoreError
from tests.unit.service.api.client import app_of, ask, running
from tests.unit.service.api.uploads import HTML, TURNED, finished, form
from tests.unit.service.fakes import engine_of, model


class Disk:
    """Steps of a store that are refused while they are in `full`, and how often each was."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *full: str) -> None:
        self.full = set(full)
        self.refused = dict.fromkeys(full, 0)
        for name in full:
            monkeypatch.setattr(JobStore, name, self._step(name, getattr(JobStore, name)))

    def _step(self, name: str, step: Any) -> Any:
        def tried(*args: Any) -> Any:
            if name in self.full:
                self.refused[name] += 1
                raise DocumentStoreError("the store of documents cannot be used: database or disk is full")
            return step(*args)

        return tried

    async def has_refused(self, name: str, times: int) -> None:
        async with asyncio.timeout(20):
            while self.refused[name] < times:
                await asyncio.sleep(0.001)


async def _uploaded(client: httpx.AsyncClient) -> str:
    return str((await client.post("/v1/documents", **form(HTML))).json()["id"])


async def _ended(client: httpx.AsyncClient) -> float:
    metrics = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in metrics if line.startswith("verso_documents_total{"))


@pytest.mark.parametrize("step", ["work", "progress", "finish"])
def test_what_cannot_be_kept_is_kept_later(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    disk = Disk(monkeypatch, step)
    served = model("en-ru")

    async def call(client: httpx.AsyncClient) -> None:
        job = await _uploaded(client)
        await disk.has_refused(step, 2)
        assert (await client.get(f"/v1/documents/{job}")).json()["state"] == "running"
        assert await _ended(client) == 0
        disk.full.clear()
        assert (await finished(client, job))["state"] == "done"
        assert (await client.get(f"/v1/documents/{job}/download")).content == TURNED
        async with asyncio.timeout(20):
            while await _ended(client) != 1:
                await asyncio.sleep(0.001)
        assert len(engine_of(served).groups) == 2  # the first was to warm up

    ask(app_of(served), call)


def test_who_is_refused_at_the_last_is_not_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 25 characters one document takes more than half."""
    disk = Disk(monkeypatch, "add")

    async def call(client: httpx.AsyncClient) -> None:
        for _attempt in range(3):
            assert (await client.post("/v1/documents", **form(HTML))).status_code == 503
        disk.full.clear()
        assert (await client.post("/v1/documents", **form(HTML))).status_code == 202
        spent = await client.post("/v1/documents", **form(HTML))
        assert (spent.status_code, spent.json()["error"]["type"]) == (429, "quota_exceeded")

    ask(app_of(anonymous_characters_per_day=25), call)


def test_a_document_that_cannot_be_kept_can_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, "finish")

    async def call(client: httpx.AsyncClient) -> None:
        job = await _uploaded(client)
        await disk.has_refused("finish", 1)
        assert (await client.delete(f"/v1/documents/{job}")).status_code == 204
        assert (await client.get(f"/v1/documents/{job}")).status_code == 404
        disk.full.clear()
        assert (await finished(client, await _uploaded(client)))["state"] == "done"
        assert (await client.get(f"/v1/documents/{job}")).status_code == 404

    ask(app_of(model("en-ru")), call)


def test_a_document_that_cannot_be_deleted_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, "finish", "delete")

    async def call(client: httpx.AsyncClient) -> None:
        job = await _uploaded(client)
        await disk.has_refused("finish", 1)
        assert (await client.delete(f"/v1/documents/{job}")).status_code == 503
        disk.full.clear()
        assert (await finished(client, job))["state"] == "done"

    ask(app_of(model("en-ru")), call)


def test_a_document_that_could_not_be_kept_is_written_again_after_a_restart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk = Disk(monkeypatch, "finish")
    file = str(tmp_path / "documents.sqlite")
    second = model("en-ru")

    async def run() -> None:
        async with running(app_of(model("en-ru"), documents_file=file)) as client:
            job = await _uploaded(client)
            await disk.has_refused("finish", 1)
        disk.full.clear()
        async with running(app_of(second, documents_file=file)) as client:
            assert (await finished(client, job))["state"] == "done"
            assert (await client.get(f"/v1/documents/{job}/download")).content == TURNED
            assert len(engine_of(second).groups) == 1  # to warm up

    asyncio.run(run())
