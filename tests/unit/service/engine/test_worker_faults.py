"""What becomes of a worker whose decoder fails, hangs or cannot be built, and of one that fails itself."""

from __future__ import annotations

import threading
import time

import pytest

from service.engine.scheduler import Scheduler
from service.engine.segment import Priority
from service.engine.worker import FAILURES_FORGOTTEN_AFTER_S, LOST_AFTER_S, Settled
from service.errors import EngineFailedError, EngineUnavailableError
from tests.unit.service.engine.fakes import BOMB, QUIT, make_segment
from tests.unit.service.engine.worker_rig import PATIENCE_S, Rig

INTERACTIVE = Priority.INTERACTIVE


def test_a_factory_that_raises_makes_the_start_raise() -> None:
    rig = Rig()
    rig.factory.failures = 1
    with pytest.raises(RuntimeError, match="no decoder today"):
        rig.worker.start()
    assert not rig.worker.health().running
    with pytest.raises(EngineUnavailableError):
        rig.worker.submit([make_segment(1)], INTERACTIVE, None)
    rig.worker.stop(PATIENCE_S)


def test_a_failing_step_fails_what_is_live_and_the_rest_goes_on(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    entry_ids = rig.worker.submit([make_segment(1), make_segment(BOMB), make_segment(3)], INTERACTIVE, None)
    permits.release(1000)
    first, second, third = rig.wait_for(*entry_ids)
    assert isinstance(first.error, EngineFailedError)
    assert isinstance(second.error, EngineFailedError)
    assert third.hypotheses[0].tokens == (3,)
    assert rig.worker.health().restarts == rig.observer.restarts == 1
    assert rig.worker.health().last_error == "a decoding step: RuntimeError: bang"
    assert rig.worker.health().healthy


def test_repeated_failures_make_it_unhealthy_until_a_success_or_for_a_while(rig: Rig) -> None:
    rig.worker.start()

    def fail(times: int) -> None:
        for _ in range(times):
            rig.wait_for(*rig.worker.submit([make_segment(BOMB)], INTERACTIVE, None))
        while not rig.worker.health().running:  # the decoder is being rebuilt
            time.sleep(0.001)

    fail(2)
    assert rig.worker.health().healthy
    fail(1)
    assert not rig.worker.health().healthy
    rig.wait_for(*rig.worker.submit([make_segment(1)], INTERACTIVE, None))
    assert rig.worker.health().healthy
    fail(3)
    assert not rig.worker.health().healthy
    rig.clock.now_s += FAILURES_FORGOTTEN_AFTER_S
    assert rig.worker.health().healthy
    assert rig.worker.health().restarts == rig.observer.restarts == 6


def test_a_decoder_that_cannot_be_rebuilt_keeps_nobody_waiting(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    live, waiting = rig.worker.submit([make_segment(BOMB, beam_size=2), make_segment(1)], INTERACTIVE, None)
    assert rig.factory.decoder.stepping.wait(PATIENCE_S)
    rig.factory.failures = 4
    permits.release(1000)
    assert isinstance(rig.wait_for(live)[0].error, EngineFailedError)
    assert isinstance(rig.wait_for(waiting)[0].error, EngineUnavailableError)
    assert not rig.worker.health().healthy
    with pytest.raises(EngineUnavailableError, match="cannot be built: building the decoder: RuntimeError: no decoder"):
        rig.worker.submit([make_segment(2)], INTERACTIVE, None)
    while not rig.worker.health().running:  # it keeps trying, and the fifth attempt succeeds
        time.sleep(0.01)
    assert rig.wait_for(*rig.worker.submit([make_segment(3)], INTERACTIVE, None))[0].error is None
    assert rig.worker.health().healthy


def test_a_decoder_that_hangs_is_unhealthy_and_does_not_hold_up_the_stop(
    gated: tuple[Rig, threading.Semaphore],
) -> None:
    rig, permits = gated
    entry_ids = rig.worker.submit([make_segment(1, steps=1)], INTERACTIVE, None)
    assert rig.factory.decoder.stepping.wait(PATIENCE_S)
    assert rig.worker.health().healthy
    rig.clock.now_s += LOST_AFTER_S + 1
    health = rig.worker.health()
    assert (health.healthy, health.lost) == (False, True)
    assert health.last_error == "the decoder does not come back from a step"
    rig.worker.stop(0.0)
    assert isinstance(rig.wait_for(*entry_ids)[0].error, EngineUnavailableError)
    permits.release(1000)  # the late result concerns nobody any more: an entry ends once


def test_what_ends_a_thread_is_a_failure_of_the_decoder_like_any_other(
    gated: tuple[Rig, threading.Semaphore],
) -> None:
    rig, permits = gated
    entry_ids = rig.worker.submit([make_segment(1), make_segment(QUIT), make_segment(3)], INTERACTIVE, None)
    permits.release(1000)
    first, second, third = rig.wait_for(*entry_ids)
    assert isinstance(first.error, EngineFailedError)
    assert isinstance(second.error, EngineFailedError)
    assert third.hypotheses[0].tokens == (3,)
    assert rig.worker.health().last_error == "a decoding step: SystemExit: quit"
    assert rig.worker.health().healthy


@pytest.mark.parametrize("kind", [ZeroDivisionError, SystemExit])
@pytest.mark.parametrize("where", ["expire", "take", "finish", "note_progress"])
def test_a_fault_of_the_thread_itself_fails_what_it_held_and_it_goes_on(
    gated: tuple[Rig, threading.Semaphore],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    kind: type[BaseException],
) -> None:
    """Two are live and two wait when the scheduler breaks, once."""
    rig, permits = gated
    entry_ids = rig.worker.submit([make_segment(i) for i in range(4)], INTERACTIVE, None)
    assert rig.factory.decoder.stepping.wait(PATIENCE_S)
    broken = threading.Event()
    real = getattr(Scheduler, where)

    def breaks_once(self: Scheduler, *arguments: object) -> object:
        if not broken.is_set():
            broken.set()
            raise kind("broken")
        return real(self, *arguments)

    monkeypatch.setattr(Scheduler, where, breaks_once)
    permits.release(1000)
    ends = rig.wait_for(*entry_ids)
    assert broken.is_set()
    assert any(isinstance(one.error, EngineFailedError) for one in ends)
    assert all(one.error or one.hypotheses[0].tokens == (index,) for index, one in enumerate(ends))
    later = rig.worker.submit([make_segment(7)], INTERACTIVE, None)
    assert rig.wait_for(*later)[0].hypotheses[0].tokens == (7,)
    health = rig.worker.health()
    assert (health.healthy, health.lost, health.queued, health.live, health.restarts) == (True, False, 0, 0, 1)
    assert health.last_error is not None
    assert "broken" in health.last_error


def test_what_was_reported_in_vain_is_ended_all_the_same(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler has forgotten an entry whose report fails, but nobody may wait for ever."""
    rig.worker.start()
    real, failures = rig._report, iter([RuntimeError("the line is dead")])

    def report(settled: list[Settled]) -> None:
        if (failure := next(failures, None)) is not None:
            raise failure
        real(settled)

    monkeypatch.setattr(rig.worker, "_report", report)
    (entry_id,) = rig.worker.submit([make_segment(1)], INTERACTIVE, None)
    assert isinstance(rig.wait_for(entry_id)[0].error, EngineFailedError)


def test_a_decoder_that_cannot_be_built_for_long_is_lost(gated: tuple[Rig, threading.Semaphore]) -> None:
    rig, permits = gated
    rig.factory.failures = 10**6
    entry_ids = rig.worker.submit([make_segment(BOMB)], INTERACTIVE, None)
    permits.release(1000)
    rig.wait_for(*entry_ids)
    while rig.worker.health().running:
        time.sleep(0.001)
    assert not rig.worker.health().lost
    rig.clock.now_s += LOST_AFTER_S + 1
    while not rig.worker.health().lost:  # it may have noticed the failure only now
        rig.clock.now_s += LOST_AFTER_S
        time.sleep(0.001)
    rig.factory.failures = 0
    while not rig.worker.health().running:
        time.sleep(0.001)
    assert not rig.worker.health().lost
