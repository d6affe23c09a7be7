"""The thread: it wakes, sleeps, stops, and ends every accepted entry."""

from __future__ import annotations

import threading
import time

import pytest

from service.engine.segment import Priority
from service.errors import EngineDeadlineError, EngineUnavailableError
from tests.unit.service.engine.fakes import answer, make_segment
from tests.unit.service.engine.worker_rig import PATIENCE_S, Rig

INTERACTIVE = Priority.INTERACTIVE


def test_entries_are_decoded_and_reported(rig: Rig) -> None:
    rig.worker.start()
    segments = [make_segment(index, index + 1, steps=1 + index % 3) for index in range(20)]
    entry_ids = rig.worker.submit(segments, INTERACTIVE, None)
    for segment, settled in zip(segments, rig.wait_for(*entry_ids), strict=True):
        assert settled.error is None
        assert settled.hypotheses[0].tokens == answer(segment)
        assert settled.timings.steps == segment.max_length
    health = rig.worker.health()
    assert (health.running, health.healthy, health.draining, health.queued, health.live) == (True, True, False, 0, 0)
    assert max(rig.observer.steps) == 8


def test_who_waits_for_a_decoder_is_told_when_it_is_stopped_before_there_is_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds, goes_on, told = threading.Event(), threading.Event(), threading.Event()

    def build() -> None:
        builds.set()
        assert goes_on.wait(PATIENCE_S)

    def start() -> None:
        with pytest.raises(EngineUnavailableError, match="stopped before its decoder was built"):
            rig.worker.start()
        told.set()

    monkeypatch.setattr(rig.worker._slots, "build", build)
    threading.Thread(target=start, daemon=True).start()
    assert builds.wait(PATIENCE_S)
    rig.worker.stop(0.0)
    assert told.wait(PATIENCE_S)
    goes_on.set()


def test_an_idle_thread_sleeps_and_wakes(rig: Rig) -> None:
    rig.worker.start()
    for _ in range(3):
        rig.wait_for(*rig.worker.submit([make_segment(1)], INTERACTIVE, None))
        for _ in range(100):  # until it has come to rest, which a spinning thread never does
            turns = rig.turns
            time.sleep(0.02)
            if rig.turns == turns:
                break
        assert rig.turns == turns


def test_the_decoder_is_told_of_news_while_it_steps(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    (running,) = rig.worker.submit([make_segment(1, steps=2)], INTERACTIVE, None)
    decoder = rig.factory.decoder
    assert decoder.stepping.wait(PATIENCE_S)
    wakes = [decoder.wakes]
    (waiting,) = rig.worker.submit([make_segment(2, steps=2)], INTERACTIVE, None)
    wakes.append(decoder.wakes)
    rig.worker.cancel([running])
    wakes.append(decoder.wakes)
    assert wakes == [wakes[0], wakes[0] + 1, wakes[0] + 2]
    permits.release(1000)
    rig.wait_for(waiting)


def test_cancelled_entries_leave_queue_and_slots(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    running, kept, waiting, last = rig.worker.submit([make_segment(i, steps=2) for i in range(4)], INTERACTIVE, None)
    assert rig.factory.decoder.stepping.wait(PATIENCE_S)
    assert (rig.worker.health().live, rig.worker.health().queued) == (2, 2)
    rig.worker.cancel([running, waiting])
    assert (rig.worker.health().live, rig.worker.health().queued) == (1, 1)
    permits.release(1000)
    rig.wait_for(kept, last)
    assert rig.settled.keys() == {kept, last}
    admitted = [segment.source[0] for batch in rig.factory.decoder.admitted for segment in batch]
    assert admitted == [0, 1, 3]  # the slot of 0 went to 3 while 1 was still running
    rig.worker.stop(PATIENCE_S)
    assert rig.factory.decoder.live == 0


def test_deadlines_hold_for_what_waits_and_what_runs(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    expired = rig.worker.submit([make_segment(i, steps=3) for i in range(3)], INTERACTIVE, 5.0)
    kept = rig.worker.submit([make_segment(9, steps=3)], INTERACTIVE, 50.0)
    assert rig.factory.decoder.stepping.wait(PATIENCE_S)
    rig.clock.now_s += 5
    permits.release(1000)
    assert all(isinstance(one.error, EngineDeadlineError) for one in rig.wait_for(*expired))
    assert rig.wait_for(*kept)[0].error is None
    assert len(rig.factory.decoder.admitted) == 2


def test_draining_finishes_what_was_accepted_and_refuses_the_rest(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    entry_ids = rig.worker.submit([make_segment(i) for i in range(5)], INTERACTIVE, None)
    rig.worker.drain()
    assert rig.worker.health().draining
    for group in ([make_segment(9)], []):
        with pytest.raises(EngineUnavailableError, match="draining"):
            rig.worker.submit(group, INTERACTIVE, None)
    permits.release(1000)
    assert all(one.error is None for one in rig.wait_for(*entry_ids))


def test_stopping_fails_what_is_left(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    entry_ids = rig.worker.submit([make_segment(i) for i in range(5)], INTERACTIVE, None)
    assert rig.factory.decoder.stepping.wait(PATIENCE_S)
    stopping = threading.Thread(target=rig.worker.stop, args=(PATIENCE_S,))
    stopping.start()
    while not rig.worker.health().draining:
        time.sleep(0.001)
    permits.release(1000)
    stopping.join(PATIENCE_S)
    assert all(isinstance(one.error, EngineUnavailableError) for one in rig.wait_for(*entry_ids))
    health = rig.worker.health()
    assert (health.running, health.healthy, health.queued, health.live) == (False, False, 0, 0)
    with pytest.raises(EngineUnavailableError, match="not running"):
        rig.worker.submit([make_segment(1)], INTERACTIVE, None)
    rig.worker.stop(PATIENCE_S)
