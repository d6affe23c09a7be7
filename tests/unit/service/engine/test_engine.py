"""The async face: order, sharing, cache, refusals, cancellation, drain and close."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from model_store.decoding.segment import Segment
from model_store.errors import ConfigError, SegmentError
from service.engine.engine import Engine, EngineSettings
from service.engine.segment import NO_TIMINGS, Priority, SegmentResult
from service.engine.stats import EngineObserver
from service.errors import (
    EngineDeadlineError,
    EngineFailedError,
    EngineOverloadedError,
    EngineUnavailableError,
)
from tests.unit.service.engine.fakes import (
    BOMB,
    MAX_SOURCE_LENGTH,
    FakeClock,
    FakeFactory,
    RecordingObserver,
    answer,
    make_segment,
)

pytestmark = pytest.mark.anyio

PATIENCE_S = 30.0


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


async def test_results_come_in_the_order_of_the_segments() -> None:
    async with gated() as rig:
        rig.go()
        segments = [make_segment(index, index + 1, steps=1 + 7 * index % 5) for index in range(12)]
        results = await rig.engine.submit_all(segments)
        assert targets(results) == [answer(segment) for segment in segments]
        assert [result.timings.steps for result in results] == [segment.max_length for segment in segments]
        assert rig.observer.outcomes == ["decoded"] * 12
        assert await rig.engine.submit_all([]) == []


async def test_equal_segments_in_flight_are_decoded_once() -> None:
    async with gated() as rig:
        one, two = make_segment(1), make_segment(2)
        first = rig.submit(one, two, one)
        await rig.stepping()
        second = rig.submit(two, make_segment(3))
        await asyncio.sleep(0)
        rig.go()
        assert targets(await first) == [(1,), (2,), (1,)]
        assert [result.source for result in await first] == ["decoded", "decoded", "shared"]
        assert [result.source for result in await second] == ["shared", "decoded"]
        assert sorted(s.source for batch in rig.factory.decoder.admitted for s in batch) == [(1,), (2,), (3,)]
        assert sorted(rig.observer.outcomes) == ["decoded"] * 3 + ["shared"] * 2


async def test_known_results_come_from_the_cache() -> None:
    async with gated() as rig:
        rig.go()
        [decoded] = await rig.engine.submit_all([make_segment(1)])
        known, new = await rig.engine.submit_all([make_segment(1), make_segment(2)])
        assert known == SegmentResult(decoded.hypotheses, NO_TIMINGS, "cache")
        assert new.source == "decoded"
        assert (await rig.engine.submit_all([make_segment(2)]))[0].source == "cache"
        assert rig.observer.outcomes == ["decoded", "cache", "decoded", "cache"]


async def test_without_a_cache_everything_is_decoded_again() -> None:
    async with gated(EngineSettings(cache_entries=0)) as rig:
        rig.go()
        assert [(await rig.engine.submit_all([make_segment(1)]))[0].source for _ in range(2)] == ["decoded"] * 2


async def test_a_full_queue_refuses_the_whole_group_and_says_when_to_come_back() -> None:
    async with gated(EngineSettings(max_queued_segments=4)) as rig:
        tasks = [rig.submit(make_segment(1), make_segment(2))]
        await rig.stepping()
        tasks.append(rig.submit(make_segment(3), make_segment(4), make_segment(5)))
        await asyncio.sleep(0)
        with pytest.raises(EngineOverloadedError) as refused:
            await rig.engine.submit_all([make_segment(6), make_segment(7)])
        assert refused.value.retry_after_s >= 1
        assert rig.observer.rejections == [("overloaded", 2)]
        assert rig.engine.health().queued == 3
        rig.engine.refuse_if_full(5, priority=Priority.INTERACTIVE)  # one more would fit
        tasks.append(rig.submit(make_segment(1), make_segment(3), make_segment(6)))  # two of them fly already
        await asyncio.sleep(0)
        with pytest.raises(EngineOverloadedError, match="no room for 1 with 1"):
            rig.engine.refuse_if_full(5, priority=Priority.INTERACTIVE)
        rig.engine.refuse_if_full(5, priority=Priority.BULK)
        assert rig.observer.rejections == [("overloaded", 2), ("overloaded", 5)]
        rig.go()
        assert [targets(results) for results in await asyncio.gather(*tasks)] == [
            [(1,), (2,)],
            [(3,), (4,), (5,)],
            [(1,), (3,), (6,)],
        ]


async def test_a_text_longer_than_the_whole_queue_is_served() -> None:
    async with gated(EngineSettings(max_queued_segments=2, max_queued_tokens=3)) as rig:
        rig.go()
        segments = [make_segment(index, 7) for index in range(30)]
        assert targets(await rig.engine.submit_all(segments)) == [answer(segment) for segment in segments]


async def test_what_the_decoder_cannot_take_is_refused_before_anything_is_queued() -> None:
    async with gated() as rig:
        with pytest.raises(SegmentError, match="source: 51 is too large"):
            await rig.engine.submit_all([make_segment(1), make_segment(*[1] * (MAX_SOURCE_LENGTH + 1))])
        assert rig.observer.rejections == [("invalid", 2)]
        assert rig.engine.health().queued == 0


async def test_a_cancelled_caller_frees_queue_and_slots() -> None:
    async with gated() as rig:
        gone = rig.submit(*[make_segment(index) for index in range(5)])
        await rig.stepping()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert (rig.engine.health().live, rig.engine.health().queued) == (0, 0)
        assert rig.observer.outcomes == ["cancelled"] * 5
        rig.go()
        assert targets(await rig.engine.submit_all([make_segment(9)])) == [(9,)]
        admitted = [s.source for batch in rig.factory.decoder.admitted for s in batch]
        assert admitted == [(0,), (1,), (9,)]


async def test_a_segment_that_another_caller_waits_for_goes_on() -> None:
    async with gated() as rig:
        first = rig.submit(make_segment(1), make_segment(2))
        await rig.stepping()
        second = rig.submit(make_segment(2))
        await asyncio.sleep(0)
        first.cancel()
        rig.go()
        assert targets(await second) == [(2,)]
        assert rig.observer.outcomes == ["cancelled", "cancelled", "shared"]


async def test_a_failed_segment_fails_its_callers_and_drops_the_rest_of_their_groups() -> None:
    async with gated(rows=1) as rig:
        group = rig.submit(make_segment(BOMB), make_segment(1), make_segment(2))
        other = rig.submit(make_segment(2), make_segment(3))
        await asyncio.sleep(0)
        rig.permits.release()
        with pytest.raises(EngineFailedError, match="RuntimeError: bang"):
            await group
        rig.go()
        assert targets(await other) == [(2,), (3,)]
        assert rig.engine.health().restarts == 1
        assert sorted(rig.observer.outcomes) == sorted(["failed", "cancelled", "cancelled", "shared", "decoded"])


async def test_a_failure_is_not_remembered() -> None:
    async with gated() as rig:
        rig.go()
        for _ in range(2):
            with pytest.raises(EngineFailedError):
                await rig.engine.submit_all([make_segment(BOMB)])
        assert len(rig.factory.decoders) >= 2


async def test_deadlines_end_a_group_unless_a_later_one_waits_for_the_same() -> None:
    async with gated() as rig:
        hurried = rig.submit(make_segment(1), make_segment(2), make_segment(3), deadline_s=5.0)
        await rig.stepping()
        patient = rig.submit(make_segment(2))
        await asyncio.sleep(0)
        rig.clock.now_s += 6
        rig.go()
        with pytest.raises(EngineDeadlineError):
            await hurried
        assert targets(await patient) == [(2,)]
        assert rig.observer.outcomes.count("expired") == 2


async def test_who_joins_a_segment_keeps_his_own_deadline() -> None:
    """The flight goes on for the patient one, but the hurried one is told in time."""
    async with gated(rows=1) as rig:
        patient = rig.submit(make_segment(1), deadline_s=1000.0)
        await rig.stepping()
        with pytest.raises(EngineDeadlineError):
            await rig.submit(make_segment(1), deadline_s=0.01)
        assert not patient.done()
        rig.go()
        assert targets(await patient) == [(1,)]
        assert rig.observer.outcomes == ["expired", "decoded"]


async def test_interactive_callers_go_before_bulk() -> None:
    async with gated(rows=1) as rig:
        running = rig.submit(make_segment(1))
        await rig.stepping()
        bulk = asyncio.create_task(rig.engine.submit_all([make_segment(2)], priority=Priority.BULK))
        await asyncio.sleep(0)
        interactive = rig.submit(make_segment(3))
        await asyncio.sleep(0)
        rig.go()
        await asyncio.gather(running, bulk, interactive)
        assert [s.source for batch in rig.factory.decoder.admitted for s in batch] == [(1,), (3,), (2,)]
        assert [report.priority for report in rig.observer.reports][-1] is Priority.BULK


async def test_draining_waits_for_what_was_accepted_and_refuses_the_rest() -> None:
    async with gated() as rig:
        accepted = rig.submit(*[make_segment(index) for index in range(5)])
        await rig.stepping()
        assert not await rig.engine.drain(0.0)
        assert rig.engine.health().draining
        with pytest.raises(EngineUnavailableError, match="draining"):
            await rig.engine.submit_all([make_segment(1)])
        assert rig.observer.rejections == [("unavailable", 1)]
        rig.go()
        assert await rig.engine.drain(PATIENCE_S)
        assert len(targets(await accepted)) == 5


async def test_closing_fails_what_is_left() -> None:
    async with gated() as rig:
        accepted = rig.submit(*[make_segment(index) for index in range(5)])
        await rig.stepping()
        rig.engine.close(timeout_s=0.0)
        with pytest.raises(EngineUnavailableError, match="stopped"):
            await accepted
        assert rig.observer.outcomes == ["stopped"] * 5
        with pytest.raises(EngineUnavailableError, match="not running"):
            await rig.engine.submit_all([make_segment(1)])


async def test_an_engine_that_was_not_started_refuses_and_closes() -> None:
    engine = Engine(FakeFactory())
    with pytest.raises(EngineUnavailableError, match="not running"):
        await engine.submit_all([make_segment(1)])
    assert not engine.health().running
    assert await engine.drain(0.0)
    engine.close()
    engine.close()


def test_one_event_loop_after_the_other_is_served() -> None:
    engine = Engine(FakeFactory(), EngineSettings(cache_entries=0))
    engine.start()
    for _ in range(2):
        assert targets(asyncio.run(engine.submit_all([make_segment(1, 2)]))) == [(2, 1)]
    engine.close()


async def test_an_observer_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(RecordingObserver):
        def step(self, live_segments: int, queued: int, duration_s: float) -> None:
            raise ZeroDivisionError

    observer: EngineObserver = Broken()
    engine = Engine(FakeFactory(), observer=observer)
    engine.start()
    assert targets(await engine.submit_all([make_segment(1, 2)])) == [(2, 1)]
    engine.close()
    assert "observer raised" in caplog.text


@pytest.mark.parametrize("setting", ["max_queued_segments", "max_queued_tokens", "unhealthy_after_failures"])
def test_settings_out_of_range_are_named(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting}: 0 is too small; allowed: 1 and more"):
        EngineSettings(**{setting: 0})
    with pytest.raises(ConfigError, match="cache_entries: -1 is too small; allowed: 0 and more"):
        EngineSettings(cache_entries=-1)
