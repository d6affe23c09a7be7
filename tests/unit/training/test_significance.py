"""Paired bootstrap: a real difference is told from chance."""

from __future__ import annotations

import random

from training.significance import compare


def noisy(references: list[str], share: float, seed: int) -> list[str]:
    """The references with that share of their words replaced."""
    generator = random.Random(seed)
    return [" ".join(word if generator.random() > share else "x" for word in line.split()) for line in references]


def test_the_same_is_not_significant() -> None:
    references = ["one two three four five", "six seven eight nine ten"]
    outputs = noisy(references, 0.2, 1)
    assert [each.p for each in compare(outputs, outputs, references)] == [1, 1]


def test_better_is_significant_and_as_good_is_not() -> None:
    generator = random.Random(0)
    references = [" ".join(f"w{generator.randrange(500)}" for _ in range(12)) for _ in range(150)]
    good, as_good, bad = noisy(references, 0.2, 1), noisy(references, 0.2, 2), noisy(references, 0.5, 3)
    better, by_chance = compare(good, bad, references), compare(good, as_good, references)
    assert [each.metric for each in better] == ["BLEU", "chrF2"]
    assert all(each.value > each.other + 5 and each.p < 0.01 for each in better)
    assert all(each.p > 0.05 for each in by_chance)
