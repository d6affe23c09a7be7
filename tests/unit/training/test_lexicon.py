"""IBM model 1 against the slow obvious way, and what it is for."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from training.lexicon import model_1


def slowly(pairs: list[tuple[list[int], list[int]]], rounds: int) -> dict[tuple[int, int], float]:
    """Expectation maximisation word by word."""
    probability: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _round in range(rounds):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        for source, target in pairs:
            for word in target:
                total = sum(probability[other, word] for other in source)
                for other in source:
                    counts[other, word] += probability[other, word] / total
        totals: dict[int, float] = defaultdict(float)
        for (other, _word), count in counts.items():
            totals[other] += count
        probability = defaultdict(float, {key: count / totals[key[0]] for key, count in counts.items()})
    return dict(probability)


def test_it_is_expectation_maximisation() -> None:
    rng = np.random.default_rng(1)
    pairs = [(rng.integers(0, 9, rng.integers(1, 6)), rng.integers(0, 7, rng.integers(1, 6))) for _pair in range(60)]
    found = model_1(pairs, rounds=4)
    expected = slowly([(source.tolist(), target.tolist()) for source, target in pairs], 4)
    keys = list(zip(found.source.tolist(), found.target.tolist(), strict=True))
    assert keys == sorted(expected)
    assert found.probability == pytest.approx([expected[key] for key in keys])


def test_words_that_translate_each_other_stand_out() -> None:
    rng = np.random.default_rng(2)
    pairs = [(words, (words + 100)[::-1]) for words in (rng.permutation(30)[:5] for _pair in range(400))]
    found = model_1(pairs)
    best = {int(s): int(t) for s, t, p in zip(found.source, found.target, found.probability, strict=True) if p > 0.9}
    assert best == {word: word + 100 for word in range(30)}
