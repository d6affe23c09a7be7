"""Paired bootstrap: a real difference is told from chance."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from sacrebleu.metrics.base import Metric, Score
from sacrebleu.significance import PairedTest, Result

from model_store.config import Task
from training.metrics import rouge_l
from training.significance import SAMPLES, compare


def noisy(references: list[str], share: float, seed: int) -> list[str]:
    """The references with that share of their words replaced."""
    generator = random.Random(seed)
    return [" ".join(word if generator.random() > share else "x" for word in line.split()) for line in references]


@pytest.mark.parametrize("task", ["translate", "summarize"])
def test_the_same_is_not_significant(task: Task) -> None:
    references = ["one two three four five", "six seven eight nine ten"]
    outputs = noisy(references, 0.2, 1)
    assert {each.p for each in compare(task, outputs, outputs, references)} == {1}


@pytest.mark.parametrize(("task", "metrics"), [("translate", ["BLEU", "chrF2"]), ("summarize", ["ROUGE-L"])])
def test_better_is_significant_and_as_good_is_not(task: Task, metrics: list[str]) -> None:
    generator = random.Random(0)
    references = [" ".join(f"w{generator.randrange(500)}" for _ in range(12)) for _ in range(150)]
    good, as_good, bad = noisy(references, 0.2, 1), noisy(references, 0.2, 2), noisy(references, 0.5, 3)
    better, by_chance = compare(task, good, bad, references), compare(task, good, as_good, references)
    assert [each.metric for each in better] == metrics
    assert all(each.value > each.other + 5 and each.p < 0.01 for each in better)
    assert all(each.p > 0.05 for each in by_chance)


def test_summaries_are_compared_as_sacrebleu_compares_by_a_mean() -> None:
    """Its own paired bootstrap, given ROUGE-L as a metric whose statistic is the score of each text."""

    class RougeL(Metric):
        def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[float]:
            return [*rouge_l([hypothesis], [ref_kwargs["ref"]]), 1.0]

        def _compute_score_from_stats(self, stats: list[float]) -> Score:
            return Score("ROUGE-L", 100 * stats[0] / stats[1])

        def _aggregate_and_compute(self, stats: list[list[float]]) -> Score:
            return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])

        def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
            return {"ref": refs[0]}

        def _preprocess_segment(self, sent: str) -> str:
            return sent

    references = [f"the {number} small cats sat on mat {number} and slept" for number in range(40)]
    these, others = noisy(references, 0.3, 1), noisy(references, 0.37, 3)
    metrics = {"ROUGE-L": RougeL()}  # type: ignore[no-untyped-call]
    pairs: list[tuple[str, Sequence[str]]] = [("other", others), ("this", these)]
    other, this = PairedTest(pairs, metrics, [references], test_type="bs", n_samples=SAMPLES)()[1]["ROUGE-L"]
    assert isinstance(other, Result)
    assert isinstance(this, Result)
    found = compare("summarize", these, others, references)[0]
    assert (found.value, found.other) == pytest.approx((this.score, other.score))
    assert 0.01 < found.p < 0.5
    assert found.p == this.p_value
