"""What was done in the last minutes, on a clock of the test's."""

from __future__ import annotations

import pytest

from service.recent import Recent, Work
from tests.unit.service.engine.fakes import FakeClock


def test_a_window_has_what_was_done_in_it() -> None:
    clock = FakeClock()
    recent = Recent(clock)
    for _second in range(600):
        recent.note(Work(requests=1, target_tokens=3))
        clock.now_s += 1
    for window_s in (60, 300):
        work, took_s = recent.within(window_s)
        assert took_s == pytest.approx(window_s, abs=5)
        assert work.requests == pytest.approx(took_s)
        assert work.target_tokens == 3 * work.requests
    clock.now_s += 61
    assert recent.within(60)[0] == Work()
    assert recent.within(300)[0].requests == pytest.approx(240, abs=5)
    assert recent.uptime_s == 661


def test_of_a_young_process_the_window_is_as_long_as_it_lives() -> None:
    clock = FakeClock()
    clock.now_s += 3.7
    recent = Recent(clock)
    clock.now_s += 2
    recent.note(Work(segments=2, failed=1))
    work, took_s = recent.within(60)
    assert work == Work(segments=2, failed=1)
    assert took_s == pytest.approx(2)
