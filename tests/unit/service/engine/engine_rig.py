"""A running engine over a decoder that waits before each step."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from model_store.decoding.segment import Segment
from service.engine.engine import Engine, EngineSettings
from service.engine.segment import SegmentResult
from tests.unit.service.engine.fakes import (
    FakeClock,
    FakeFactory,
    RecordingObserver,
)

PATIENCE_S = 120.0  # what takes this long has failed, however busy the machine is


@dataclass
class Rig:
    engine: Engine
    factory: FakeFactory
    observer: RecordingObserver
    clock: FakeClock
    permits: threading.Semaphore

    def go(self) -> None:
        """Let the decoder step freely."""
        self.permits.release(100_000)

    async def stepping(self) -> None:
        """Wait until the decoder stands before a step."""
        assert await asyncio.to_thread(self.factory.decoder.stepping.wait, PATIENCE_S)

    def submit(self, *segments: Segment, **options: float) -> asyncio.Task[list[SegmentResult]]:
        return asyncio.create_task(self.engine.submit_all(segments, deadline_s=options.get("deadline_s")))


@asynccontextmanager
async def gated(settings: EngineSettings | None = None, rows: int = 2) -> AsyncIterator[Rig]:
    """A running engine whose decoder waits before each step until `go`; nothing may be left in it at the end."""
    permits = threading.Semaphore(0)
    factory, observer, clock = FakeFactory(rows, permits), RecordingObserver(), FakeClock()
    engine = Engine(factory, settings, observer, clock)
    engine.start()
    rig = Rig(engine, factory, observer, clock, permits)
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield rig
    finally:
        rig.go()
        engine.close()
    assert (engine.health().queued, engine.health().live) == (0, 0)


def targets(results: list[SegmentResult]) -> list[tuple[int, ...]]:
    return [result.hypotheses[0].tokens for result in results]
