"""Which word translates which: IBM model 1 (Brown et al. 1993), over ids, by expectation maximisation.

Legend: K kinds of pairs of words, C pairs of words that stand in one pair of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
ROUNDS = 5


@dataclass(frozen=True)
class Lexicon:
    """source, target: ids of every two words that stand in one pair, ascending by source, then target, shape = (K,).
    probability: that the source word is translated by the target word, shape = (K,)."""

    source: Ints
    target: Ints
    probability: NDArray[np.float64]


def model_1(pairs: Sequence[tuple[Ints, Ints]], *, rounds: int = ROUNDS) -> Lexicon:
    """pairs: ids of a source and of its target, neither empty. Without a word that stands for nothing."""
    size = 1 + max((int(target.max()) for _source, target in pairs), default=0)
    left = np.concatenate([np.repeat(source, len(target)) for source, target in pairs])
    right = np.concatenate([np.tile(target, len(source)) for source, target in pairs])
    kinds, kind = np.unique(left * size + right, return_inverse=True)  # (K,), (C,)
    source, target = np.divmod(kinds, size)
    lengths = np.array([(len(source), len(target)) for source, target in pairs])
    first = np.cumsum(lengths[:, 1]) - lengths[:, 1]
    # Which word of which target each of the C pairs explains.
    written = np.concatenate([np.tile(np.arange(m) + at, n) for (n, m), at in zip(lengths, first, strict=True)])
    probability = np.ones(len(kinds))
    for _round in range(rounds):
        share = probability[kind]
        share /= np.bincount(written, share)[written]
        counts = np.bincount(kind, share)
        probability = counts / np.bincount(source, counts)[source]
    return Lexicon(source, target, probability)
