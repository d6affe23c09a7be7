"""What a stall, a slow machine and an odd segment do to the estimates."""

from __future__ import annotations

import pytest

from service.engine.rate import PRIOR_TOKENS_PER_S, CompletionRate, SlotTime, Usual


def steady(rate: CompletionRate, *, step_s: float, tokens_per_s: float, seconds: float) -> None:
    for _step in range(round(seconds / step_s)):
        rate.record(round(tokens_per_s * step_s), step_s)


def test_what_is_measured_takes_the_place_of_what_was_guessed() -> None:
    rate = CompletionRate()
    assert rate.tokens_per_s == PRIOR_TOKENS_PER_S
    steady(rate, step_s=0.02, tokens_per_s=500.0, seconds=30.0)
    assert rate.tokens_per_s == pytest.approx(500.0, rel=0.05)


def test_one_stall_is_not_the_rate() -> None:
    rate = CompletionRate()
    steady(rate, step_s=0.02, tokens_per_s=500.0, seconds=30.0)
    rate.record(10, 120.0)
    assert rate.tokens_per_s > 400.0


@pytest.mark.parametrize("step_s", [0.2, 2.0, 20.0])
def test_a_machine_that_has_become_slow_is_found_out(step_s: float) -> None:
    rate = CompletionRate()
    steady(rate, step_s=0.02, tokens_per_s=500.0, seconds=30.0)
    for _step in range(round(max(120.0, 20 * step_s) / step_s)):
        rate.record(round(5 * step_s), step_s)
    assert rate.tokens_per_s == pytest.approx(5.0, rel=0.3)


def test_a_slot_that_was_held_through_a_stall_is_not_what_is_usual() -> None:
    held = SlotTime()
    assert held.expected_s(10) == 0.0
    for _segment in range(50):
        held.record(0.5, 10)
    held.record(120.0, 10)
    assert held.expected_s(10) < 1.0
    assert held.expected_s(40) == pytest.approx(4 * held.expected_s(10))


def test_of_what_is_usual_the_first_counts_whole_and_the_others_up_to_ten_times() -> None:
    usual = Usual()
    assert usual.record(3.0) == usual.mean == 3.0
    assert usual.record(100.0) == 30.0
    assert usual.mean == 16.5
    assert usual.record(0.0) == 0.0
