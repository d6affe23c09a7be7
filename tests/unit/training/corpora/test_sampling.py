"""Sampling: as many as asked for, the same for a seed, nested, and even."""

from __future__ import annotations

from collections import Counter

from training.corpora.pair import SentencePair
from training.corpora.sampling import sample

PAIRS = [SentencePair(str(number), "x") for number in range(20)]


def test_takes_as_many_as_the_limit_says() -> None:
    assert len(set(sample(PAIRS, 7, seed=1))) == 7
    assert sorted(sample(PAIRS, 99, seed=1), key=PAIRS.index) == PAIRS
    assert sample(PAIRS, None, seed=1) == PAIRS


def test_depends_on_nothing_but_the_seed() -> None:
    assert sample(PAIRS, 7, seed=1) == sample(iter(PAIRS), 7, seed=1)
    assert sample(PAIRS, 7, seed=1) != sample(PAIRS, 7, seed=2)


def test_a_smaller_sample_begins_a_larger_one() -> None:
    assert sample(PAIRS, 12, seed=3)[:5] == sample(PAIRS, 5, seed=3)


def test_every_pair_is_as_likely() -> None:
    drawn = Counter(pair for seed in range(2000) for pair in sample(PAIRS, 5, seed=seed))
    assert set(drawn) == set(PAIRS)
    assert all(400 < count < 600 for count in drawn.values())
