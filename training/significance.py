"""Whether one system is better than another on a set, or only luckier: paired bootstrap resampling.

Koehn 2004, "Statistical significance tests for machine translation evaluation", as sacrebleu implements it; for ROUGE,
which it has not got, by the same rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.significance import PairedTest, Result

from model_store.config import Task
from training.metrics import corpus_metrics, rouge_l

SAMPLES = 1000
SEED = 12345  # sacrebleu's own


@dataclass(frozen=True)
class Comparison:
    """One metric of two systems on one set.

    value, other: of the system and of the one it is compared with. p: how likely a difference as large is by chance.
    """

    metric: str
    value: float
    other: float
    p: float


def compare(
    task: Task, outputs: Sequence[str], others: Sequence[str], references: Sequence[str]
) -> tuple[Comparison, ...]:
    """ROUGE-L of summaries, else BLEU and chrF2, of `outputs` against those of `others`, by SAMPLES resamples of a set.

    Of equal scores p is 1; sacrebleu, which counts the resamples that differ by more, would have 1 / (SAMPLES + 1).
    """
    if task == "summarize":
        return (_of_rouge(rouge_l(outputs, references), rouge_l(others, references)),)
    return _of_corpora(outputs, others, references)


def _of_rouge(scores: Sequence[float], others: Sequence[float]) -> Comparison:
    """ROUGE-L is the mean over a set's texts: `scores` and `others` are of each text, 0 to 1."""
    differences = np.asarray(scores) - np.asarray(others)
    difference = abs(differences.mean())
    chosen = np.random.default_rng(SEED).choice(len(differences), size=(SAMPLES, len(differences)))
    resampled = np.abs(differences[chosen].mean(axis=1))
    larger = int(np.sum(resampled - resampled.mean() > difference))
    p = (larger + 1) / (SAMPLES + 1) if difference else 1.0
    return Comparison("ROUGE-L", 100 * float(np.mean(scores)), 100 * float(np.mean(others)), p)


def _of_corpora(outputs: Sequence[str], others: Sequence[str], references: Sequence[str]) -> tuple[Comparison, ...]:
    names = ("BLEU", "chrF2")
    test = PairedTest(
        [("other", list(others)), ("this", list(outputs))],
        dict(zip(names, corpus_metrics(), strict=True)),
        [list(references)],
        test_type="bs",
        n_samples=SAMPLES,
    )
    _signatures, scores = test()
    comparisons = []
    for name in names:
        other, this = scores[name]
        assert isinstance(other, Result)
        assert isinstance(this, Result)
        assert this.p_value is not None
        p = 1.0 if this.score == other.score else this.p_value
        comparisons.append(Comparison(name, this.score, other.score, p))
    return tuple(comparisons)
