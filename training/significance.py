"""Whether one system is better than another on a set, or only luckier: paired bootstrap resampling.

Koehn 2004, "Statistical significance tests for machine translation evaluation", as sacrebleu implements it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.significance import PairedTest, Result

from training.metrics import corpus_metrics

SAMPLES = 1000


@dataclass(frozen=True)
class Comparison:
    """One metric of two systems on one set.

    value, other: of the system and of the one it is compared with. p: how likely a difference as large is by chance.
    """

    metric: str
    value: float
    other: float
    p: float


def compare(outputs: Sequence[str], others: Sequence[str], references: Sequence[str]) -> tuple[Comparison, ...]:
    """BLEU and chrF2 of `outputs` against those of `others`, by SAMPLES resamples of the set's sentences.

    Of equal scores p is 1; sacrebleu, which counts the resamples that differ by more, would have 1 / (SAMPLES + 1).
    """
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
