"""What the engine reports, as metrics: by engine, from zero on, and gone with the engine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from prometheus_client.parser import text_string_to_metric_families

from model_store.decoding.segment import Segment
from service.engine.engine import Engine, EngineSettings
from service.engine.segment import Priority
from service.engine.stats import EngineHealth, EngineIdentity, Waiting
from service.errors import EngineOverloadedError
from service.memory import limit_bytes
from service.metrics import Metrics
from service.pipeline.translation import WARNINGS
from service.process_tree import ProcessTree
from tests.unit.service.api.client import app_of, get
from tests.unit.service.engine.fakes import FakeFactory, make_segment

CPU = EngineIdentity("tiny", "1", "cpu")
GPU = EngineIdentity("tiny", "1", "cuda:0")


def value(metrics: Metrics, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(metrics.render().decode())
    found = [s.value for f in families for s in f.samples if s.name == name and labels.items() <= s.labels.items()]
    assert found, f"no sample {name} {labels}"
    return sum(found)


def run(metrics: Metrics, identity: EngineIdentity, *segments: Segment) -> None:
    """An engine decodes segments, loaded as a model is."""
    engine = Engine(FakeFactory(rows=8), EngineSettings(max_queued_segments=4), metrics.engine_observer(identity))
    engine.start()
    metrics.model_loaded(identity, load_s=0.5, memory_bytes=1000, health=engine.health)
    asyncio.run(_submit(engine, segments))
    engine.close()


async def _submit(engine: Engine, segments: tuple[Segment, ...]) -> None:
    await engine.submit_all(segments)


def test_an_engine_tells_its_work() -> None:
    metrics = Metrics()
    run(metrics, CPU, make_segment(1, 2, 3, steps=5, beam_size=4), make_segment(4, steps=2, beam_size=4))
    assert value(metrics, "verso_segments_total", outcome="decoded") == 2
    assert value(metrics, "verso_source_tokens_total") == value(metrics, "verso_segment_source_tokens_sum") == 4
    assert value(metrics, "verso_target_tokens_total") == value(metrics, "verso_segment_target_tokens_sum") == 4
    assert value(metrics, "verso_segment_beam_size_bucket", le="4.0") == 2
    assert value(metrics, "verso_segment_beam_size_bucket", le="2.0") == 0
    assert value(metrics, "verso_decoder_step_seconds_count") == 5
    assert value(metrics, "verso_decoder_step_segments_sum") == 5 + 2
    assert value(metrics, "verso_encode_segments_sum") == 2
    assert value(metrics, "verso_encode_seconds_count") == value(metrics, "verso_encode_segments_count")
    for name in ("queue", "first_token", "decode"):
        assert value(metrics, f"verso_segment_{name}_seconds_count") == 2
    first = value(metrics, "verso_segment_first_token_seconds_sum")
    whole = value(metrics, "verso_segment_queue_seconds_sum") + value(metrics, "verso_segment_decode_seconds_sum")
    assert value(metrics, "verso_segment_queue_seconds_sum") <= first <= whole
    assert value(metrics, "verso_decoder_rows") == 8
    assert value(metrics, "verso_hypotheses_running") == value(metrics, "verso_tokens_waiting") == 0


def test_prefixes_that_were_continued_are_counted() -> None:
    metrics = Metrics()
    run(metrics, CPU, make_segment(1), *(replace(make_segment(number), prefix=b"a") for number in (2, 3)))
    assert value(metrics, "verso_prefixes_continued_total") == 2


def test_what_waits_is_told_by_priority_since_each_has_the_same_limit() -> None:
    metrics = Metrics()
    waiting = {Priority.INTERACTIVE: Waiting(3, 30), Priority.BULK: Waiting(5, 70)}
    health = EngineHealth(True, True, False, False, waiting, 0, 0, None)
    metrics.model_loaded(CPU, load_s=0.5, memory_bytes=1000, health=lambda: health)
    assert (health.queued, health.queued_tokens) == (8, 100)
    assert value(metrics, "verso_segments_waiting", priority="interactive") == 3
    assert value(metrics, "verso_tokens_waiting", priority="bulk") == 70
    metrics.model_unloaded(CPU)
    assert b"priority=" not in metrics.render()


def test_engines_are_told_apart_and_leave_nothing_behind() -> None:
    metrics = Metrics()
    run(metrics, CPU, make_segment(1))
    run(metrics, GPU, make_segment(2), make_segment(3))
    assert value(metrics, "verso_segments_total", device="cpu", outcome="decoded") == 1
    assert value(metrics, "verso_segments_total", device="cuda:0", outcome="decoded") == 2
    metrics.model_unloaded(CPU)
    assert b'device="cpu"' not in metrics.render()
    assert value(metrics, "verso_segments_total", device="cuda:0", outcome="decoded") == 2


def test_what_may_be_counted_starts_at_zero() -> None:
    metrics = Metrics()
    metrics.engine_observer(CPU)
    for outcome in ("failed", "cancelled", "expired", "stopped"):
        assert value(metrics, "verso_segments_total", outcome=outcome) == 0
    assert value(metrics, "verso_segment_rejections_total", reason="overloaded") == 0
    assert value(metrics, "verso_decoder_restarts_total") == value(metrics, "verso_prefixes_continued_total") == 0


def test_refused_segments_are_counted() -> None:
    metrics = Metrics()
    permits = FakeFactory(rows=1)
    engine = Engine(permits, EngineSettings(max_queued_segments=1), metrics.engine_observer(CPU))
    engine.start()

    async def crowd() -> None:
        many = [make_segment(number, steps=20) for number in range(1, 30)]
        tasks = [asyncio.create_task(engine.submit_all([segment])) for segment in many]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert any(isinstance(result, EngineOverloadedError) for result in results)
        refused = sum(isinstance(result, EngineOverloadedError) for result in results)
        assert value(metrics, "verso_segment_rejections_total", reason="overloaded") == refused

    asyncio.run(crowd())
    engine.close()


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("memory.max", "1048576\n", 1048576),
        ("memory.max", "max\n", None),
        ("memory/memory.limit_in_bytes", "4096", 4096),
    ],
)
def test_the_limit_of_memory_is_the_containers_or_the_machines(
    tmp_path: Path, file: str, text: str, expected: int | None
) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    machine = limit_bytes(tmp_path / "nothing here")
    assert machine > 2**27
    assert limit_bytes(tmp_path) == (expected or machine)


def test_warnings_start_at_zero_each() -> None:
    text = get(app_of(), "/metrics").text
    families = text_string_to_metric_families(text)
    samples = [s for f in families for s in f.samples if s.name == "verso_translation_warnings_total"]
    assert {sample.labels["warning"]: sample.value for sample in samples} == dict.fromkeys(WARNINGS, 0)


def test_the_memory_of_a_gpu_is_told_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"verso_gpu_memory_bytes" not in Metrics().render(), "this process computes on none"
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda index: [0, 300][index])
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda index: [0, 200][index])
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (600, 1000))
    metrics = Metrics()
    kinds = ("allocated", "reserved", "used", "total")
    told = {kind: value(metrics, "verso_gpu_memory_bytes", device="cuda:1", kind=kind) for kind in kinds}
    assert told == {"allocated": 200, "reserved": 300, "used": 400, "total": 1000}
    assert b'device="cuda:0"' not in metrics.render(), "nothing of this process is on it"


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells of processes so")
def test_memory_and_time_are_those_of_all_processes() -> None:
    child = "block = b'x' * 300_000_000; sum(range(10**7)); print(flush=True); input()"
    before, after = Metrics(), Metrics()  # since memory is kept for some seconds
    started = value(before, "verso_memory_bytes"), value(before, "verso_cpu_seconds_total")
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert value(after, "verso_memory_bytes") - started[0] > 250_000_000
        with_child = value(before, "verso_cpu_seconds_total")
        assert with_child - started[1] >= 0.05
        process.communicate(b"\n")
    assert value(before, "verso_cpu_seconds_total") >= with_child


def test_what_the_system_does_not_tell_of_processes_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProcessTree, "memory_bytes", lambda _tree: None)
    monkeypatch.setattr(ProcessTree, "cpu_s", lambda _tree: None)
    rendered = Metrics().render()
    assert b"verso_memory_bytes" not in rendered
    assert b"verso_cpu_seconds" not in rendered
