"""What an operator sees of documents: how many wait and run, whether they get on, how they end."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from service.errors import EngineFailedError
from tests.unit.service.api.client import app_of, ask
from tests.unit.service.fakes import engine_of, model

TWO: dict[str, Any] = {
    "files": {"file": ("a.html", b"<p>one two</p><p>three</p>")},
    "data": {"source": "en", "target": "ru"},
}


async def told(client: httpx.AsyncClient) -> dict[str, float]:
    """Samples of documents, without labels but the outcome."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families((await client.get("/metrics")).text):
        for sample in family.samples:
            if sample.name.startswith("verso_document") and "le" not in sample.labels:
                name = " ".join([sample.name, *([sample.labels["outcome"]] if "outcome" in sample.labels else [])])
                found[name] = found.get(name, 0.0) + sample.value
    return found


async def until(client: httpx.AsyncClient, **wanted: float) -> dict[str, float]:
    while True:
        now = await told(client)
        if all(now[name.replace("__", " ")] == value for name, value in wanted.items()):
            return now
        await asyncio.sleep(0.01)


def test_documents_are_counted_from_their_arrival_to_their_end() -> None:
    served = model("en-ru")

    async def call(client: httpx.AsyncClient) -> None:
        start = await told(client)
        assert start["verso_documents_total done"] == start["verso_documents_total failed"] == 0
        assert set(start.values()) - {start["verso_document_duration_seconds_created"]} >= {0.0}
        engine_of(served).gate.clear()
        for _ in range(3):
            assert (await client.post("/v1/documents", **TWO)).status_code == 202
        await until(client, verso_documents_waiting=1, verso_documents_running=2)
        engine_of(served).gate.set()
        done = await until(client, verso_documents_total__done=3, verso_documents_waiting=0, verso_documents_running=0)
        assert done["verso_document_duration_seconds_count"] == 3
        assert done["verso_document_segments_total"] == 6
        engine_of(served).errors = [EngineFailedError("it broke")]
        assert (await client.post("/v1/documents", **TWO)).status_code == 202
        failed = await until(client, verso_documents_total__failed=1)
        assert failed["verso_document_duration_seconds_count"] == 4
        assert failed["verso_document_segments_total"] == 6

    ask(app_of(served), call)


def test_a_store_that_cannot_tell_does_not_take_the_other_metrics_along() -> None:
    app = app_of()

    async def call(client: httpx.AsyncClient) -> None:
        app.state.services.documents._store._database._connection.execute("DROP TABLE jobs")
        now = await told(client)
        assert math.isnan(now["verso_documents_waiting"])
        assert now["verso_documents_running"] == 0

    ask(app, call)
