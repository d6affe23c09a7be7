"""Batches: every example once, within the budget, a function of seed and epoch, with little padding."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.batching import plan_epoch

Ints = NDArray[np.int64]

lengths = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=80).map(
    lambda pairs: np.array(pairs, dtype=np.int64)
)
any_case = settings(deadline=None, max_examples=100)


def plan(pairs: Ints, budget: int, *, seed: int = 1, epoch: int = 0) -> list[list[int]]:
    batches = plan_epoch(pairs[:, 0], pairs[:, 1], batch_tokens=budget, seed=seed, epoch=epoch)
    return [batch.tolist() for batch in batches]


def many(count: int = 500) -> Ints:
    """Targets with a token or more before EOS."""
    return np.random.default_rng(0).integers(2, 30, (count, 2))


@given(pairs=lengths, budget=st.integers(1, 200), epoch=st.integers(0, 5))
@any_case
def test_each_example_exactly_once(pairs: Ints, budget: int, epoch: int) -> None:
    batches = plan(pairs, budget, epoch=epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(pairs)))
    assert all(batches)


@given(pairs=lengths, budget=st.integers(1, 200))
@any_case
def test_within_the_budget_unless_one_example_alone_exceeds_it(pairs: Ints, budget: int) -> None:
    for batch in plan(pairs, budget):
        padded = len(batch) * int(pairs[batch, 1].max())
        assert padded <= budget or len(batch) == 1


@given(pairs=lengths, budget=st.integers(1, 200))
@any_case
def test_a_batch_with_several_source_lengths_was_less_than_half_full_without_the_last(pairs: Ints, budget: int) -> None:
    for batch in plan(pairs, budget):
        sources = pairs[batch, 0]
        shorter = [index for index in batch if pairs[index, 0] < sources.max()]
        if shorter:
            assert len(shorter) * int(pairs[shorter, 1].max()) * 2 < budget


@given(sources=st.lists(st.integers(1, 30), min_size=1, max_size=80), budget=st.integers(2, 40))
@any_case
def test_batches_are_at_least_half_full_but_for_the_rest(sources: list[int], budget: int) -> None:
    """With targets of one token, so that no single long one cuts a batch short."""
    batches = plan(np.array([(source, 1) for source in sources]), budget)
    assert sum(2 * len(batch) < budget for batch in batches) <= 1


def test_seed_and_epoch_fix_the_plan_and_nothing_else_does() -> None:
    np.random.seed(3)  # the global state must not matter
    first = plan(many(), 200)
    np.random.seed(4)
    assert plan(many(), 200) == first
    assert plan(many(), 200, epoch=1) != first
    assert plan(many(), 200, seed=2) != first


def test_epochs_differ_in_what_shares_a_batch_and_not_only_in_order() -> None:
    alike = many() % 4 + 1  # as in a large corpus, where many pairs have the same lengths
    first, second = ({frozenset(batch) for batch in plan(alike, 40, epoch=epoch)} for epoch in (0, 1))
    assert len(first & second) < len(first) / 2


def test_lengths_come_in_random_order() -> None:
    """A curriculum from short to long would be another experiment."""
    longest = [int(many()[batch, 0].max()) for batch in plan(many(), 200)]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def test_little_is_padding() -> None:
    pairs = many(5000)
    batches = plan(pairs, 600)
    padded = sum(len(batch) * int(pairs[batch, 1].max()) for batch in batches)
    assert pairs[:, 1].sum() / padded > 0.8


def test_nothing_gives_no_batches() -> None:
    assert plan(np.empty((0, 2), dtype=np.int64), 10) == []
