"""How what was submitted ends without a result: cancelled, failed, late, drained, closed."""

from __future__ import annotations

import asyncio

import pytest

from service.engine.engine import Engine
from service.errors import (
    EngineDeadlineError,
    EngineFailedError,
    EngineUnavailableError,
)
from tests.unit.service.engine.engine_rig import PATIENCE_S, gated, targets
from tests.unit.service.engine.fakes import (
    BOMB,
    FakeFactory,
    RecordingObserver,
    make_segment,
)

pytestmark = pytest.mark.anyio


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


async def test_an_observer_that_raises_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(RecordingObserver):
        def step(self, live_segments: int, duration_s: float) -> None:
            raise ZeroDivisionError

    engine = Engine(FakeFactory(), observer=Broken())
    engine.start()
    assert targets(await engine.submit_all([make_segment(1, 2)])) == [(2, 1)]
    engine.close()
    assert "observer raised" in caplog.text
