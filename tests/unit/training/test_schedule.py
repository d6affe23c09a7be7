"""The learning rate: warm-up, each decay with its end, and what counts as progress."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import TrainerConfig
from training.schedule import learning_rate, progress

PEAK = 0.01


def config(**fields: Any) -> TrainerConfig:
    return TrainerConfig.model_validate({"learning_rate": PEAK, "warmup_steps": 10, "max_steps": 100, **fields})


def rates(trainer: TrainerConfig) -> list[float]:
    """Of every update of the run, from the first."""
    steps = range(1, trainer.max_steps + 1)
    return [learning_rate(trainer, step, progress(trainer, step - 1, 0.0)) for step in steps]


@pytest.mark.parametrize("decay", ["cosine", "inverse_sqrt", "constant"])
def test_warms_up_linearly_from_the_first_step(decay: str) -> None:
    assert rates(config(decay=decay))[:10] == pytest.approx([PEAK * step / 10 for step in range(1, 11)])


@pytest.mark.parametrize("decay", ["cosine", "inverse_sqrt", "constant"])
def test_never_rises_after_the_warm_up_and_stays_positive(decay: str) -> None:
    after = rates(config(decay=decay))[9:]
    assert all(later <= earlier for earlier, later in pairwise(after))
    assert min(after) > 0
    assert max(after) == pytest.approx(PEAK)


def test_cosine_passes_the_middle_and_ends_at_its_floor() -> None:
    trainer = config(final_learning_rate_ratio=0.1)
    assert learning_rate(trainer, 51, 0.5) == pytest.approx(PEAK * 0.55)
    assert learning_rate(trainer, 100, 1.0) == pytest.approx(PEAK * 0.1)
    assert learning_rate(config(final_learning_rate_ratio=0.0), 100, 1.0) == pytest.approx(0.0)


def test_inverse_sqrt_halves_at_four_times_the_warm_up() -> None:
    assert learning_rate(config(decay="inverse_sqrt"), 40, 0.4) == pytest.approx(PEAK / 2)


def test_constant_stays() -> None:
    assert set(rates(config(decay="constant"))[9:]) == {PEAK}


@pytest.mark.parametrize("decay", ["cosine", "inverse_sqrt", "constant"])
def test_without_warm_up_it_starts_at_the_peak(decay: str) -> None:
    assert rates(config(decay=decay, warmup_steps=0))[0] == pytest.approx(PEAK)


def test_progress_is_by_steps_without_a_time_limit() -> None:
    assert progress(config(), 25, elapsed_s=1e9) == 0.25


@pytest.mark.parametrize(
    ("step", "elapsed_s", "done"), [(0, 0.0, 0.0), (10, 60.0, 0.5), (80, 60.0, 0.8), (10, 120.0, 1.0), (10, 500.0, 1.0)]
)
def test_progress_is_by_whichever_is_further_along(step: int, elapsed_s: float, done: float) -> None:
    assert progress(config(max_minutes=2.0), step, elapsed_s) == pytest.approx(done)


@given(step=st.integers(0, 1000), elapsed_s=st.floats(0, 1e6), minutes=st.none() | st.floats(0.01, 1e4))
@settings(deadline=None)
def test_progress_lies_between_nothing_and_all(step: int, elapsed_s: float, minutes: float | None) -> None:
    assert 0.0 <= progress(config(max_minutes=minutes), step, elapsed_s) <= 1.0
