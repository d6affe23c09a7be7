"""Documents whose model is swapped, unloaded or promoted while they wait and run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.catalogue import ServedModel
from service.settings import Settings
from tests.unit.service.api.client import app_of, ask, running
from tests.unit.service.api.uploads import finished, form
from tests.unit.service.fakes import FakeSource, engine_of, model

LINES = [f"word{number} word{number + 1}\n" for number in range(96)]
TURNED = "".join(f"word{number + 1} word{number}\n" for number in range(96))
# Of a document's three parts.
AT_ONCE = 2


async def _upload(client: httpx.AsyncClient, model: str) -> str:
    answer = await client.post("/v1/documents", **form("".join(LINES).encode(), name="a.txt", model=model))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def _admin(client: httpx.AsyncClient, change: str, method: str = "POST", **body: Any) -> None:
    headers = {"Authorization": "Bearer k"}
    answer = await client.request(method, f"/v1/admin/models/{change}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def _until(model: ServedModel, groups: int) -> None:
    """The model has been given that many groups of segments, and one to warm up."""
    async with asyncio.timeout(20):
        while len(engine_of(model).groups) < groups + 1:
            await asyncio.sleep(0.001)


async def _check(client: httpx.AsyncClient, job: str, *models: str) -> None:
    done = await finished(client, job)
    assert (done["state"], done["segments_done"], done["models"]) == ("done", len(LINES), list(models)), done
    assert (await client.get(f"/v1/documents/{job}/download")).text == TURNED


def test_a_swap_drops_no_document() -> None:
    """Two of them run and one waits; all name the version that goes."""
    old, new = model("en-ru"), model("en-ru", version="2")
    source = FakeSource(old)

    async def call(client: httpx.AsyncClient) -> None:
        engine_of(old).gate.clear()
        first, second, third = [await _upload(client, "tiny@1") for _number in range(3)]
        await _until(old, 2 * AT_ONCE)
        source.publish(new)
        await _admin(client, "swap", model="tiny@2")
        refused = await client.post("/v1/documents", **form(b"one two", name="a.txt", model="tiny@1"))
        assert refused.status_code == 404
        engine_of(old).gate.set()
        for job in (first, second):
            await _check(client, job, "tiny@1", "tiny@2")
        await _check(client, third, "tiny@2")
        async with asyncio.timeout(20):
            while not engine_of(old).closed:
                await asyncio.sleep(0.001)

    ask(create_app(Settings(admin_key="k"), source), call)


@pytest.mark.parametrize("change", ["swap", "unload"])
def test_a_canary_that_is_none_any_more_is_its_bundle(change: str) -> None:
    old, new = model("en-ru"), model("en-ru", version="2")
    source = FakeSource(old)

    async def call(client: httpx.AsyncClient) -> None:
        source.publish(new)
        await _admin(client, "canary", "PUT", model="tiny@2", share=0.001)
        engine_of(new).gate.clear()
        job = await _upload(client, "tiny@canary")
        await _until(new, AT_ONCE)
        await _admin(client, change, model="tiny@2")
        engine_of(new).gate.set()
        await _check(client, job, *(["tiny@2"] if change == "swap" else ["tiny@1", "tiny@2"]))

    ask(create_app(Settings(admin_key="k"), source), call)


def test_a_document_whose_bundle_is_unloaded_fails_and_says_so() -> None:
    old, other = model("en-ru"), model("en-ru", name="other")

    async def call(client: httpx.AsyncClient) -> None:
        engine_of(old).gate.clear()
        job = await _upload(client, "tiny@1")
        await _until(old, AT_ONCE)
        await _admin(client, "unload", model="tiny@1")
        engine_of(old).gate.set()
        failed = await finished(client, job)
        error = {"type": "not_found", "message": "model: 'tiny' is not loaded; allowed: other@1", "field": "model"}
        assert (failed["state"], failed["error"]) == ("failed", error)

    ask(create_app(Settings(admin_key="k"), FakeSource(old, other)), call)


def test_a_document_goes_on_with_what_is_loaded_after_a_restart(tmp_path: Path) -> None:
    old, new = model("en-ru"), model("en-ru", version="2")
    file = str(tmp_path / "documents.sqlite")

    async def run() -> None:
        async with running(app_of(old, documents_file=file)) as client:
            engine_of(old).gate.clear()
            job = await _upload(client, "tiny@1")
            await _until(old, AT_ONCE)
        async with running(app_of(new, documents_file=file)) as client:
            await _check(client, job, "tiny@2")

    asyncio.run(run())
