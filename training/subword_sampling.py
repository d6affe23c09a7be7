"""Words cut into other tokens each epoch, so that a small corpus is not learned by heart (Kudo 2018, arXiv 1804.10959).

SentencePiece searches its lattice anew for every sample: half a minute for a side of 29,000 captions. No token reaches
over a space, so that the cuts of a sentence are those of its words; each word's few best are tabled once, and drawing
an epoch's tokens takes a tenth of a second.

Legend: W words of the corpus, one after the other, D distinct ones, C cuts of all of these, P pairs.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model_store.tokenizer import Tokenizer
from training.dataset import Ints, PackedPairs

CUTS = 16


class SubwordSampler:
    """Draws a corpus's tokens by array operations. alpha: 0 for all cuts of a word alike, large for the best alone."""

    def __init__(self, pairs: PackedPairs, tokenizer: Tokenizer, *, alpha: float) -> None:
        """Raises ConfigError if the tokenizer cuts a word in one way only."""
        self._pairs = pairs
        self._longest = int(np.diff(pairs.offsets).max(initial=0))
        borders = _word_borders(pairs, tokenizer)
        self._side_words: Ints = np.searchsorted(borders, pairs.offsets)  # where each side's words begin: (2P + 1,)
        distinct: dict[tuple[int, ...], int] = {}
        ids = pairs.ids.tolist()
        self._words: Ints = np.fromiter(  # (W,)
            (
                distinct.setdefault(tuple(ids[start:end]), len(distinct))
                for start, end in zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True)
            ),
            np.int64,
            len(borders) - 1,
        )
        cuts = [tokenizer.cuts(word, CUTS) for word in distinct]
        counts = np.array([len(each) for each in cuts], np.int64)
        self._first: Ints = np.cumsum(counts) - counts  # a word's best cut: (D,)
        within = [_cumulated([score for _cut, score in each], alpha) for each in cuts]
        self._bounds = np.concatenate(within or [np.empty(0)]) + np.repeat(np.arange(len(counts)), counts)  # (C,)
        pieces = [cut for each in cuts for cut, _score in each]
        self._lengths: Ints = np.array([len(cut) for cut in pieces], np.int64)  # (C,)
        self._starts: Ints = np.cumsum(self._lengths) - self._lengths  # (C,)
        self._pieces = np.array([id_ for cut in pieces for id_ in cut], pairs.ids.dtype)

    def draw(self, seed: int, epoch: int) -> PackedPairs:
        """The corpus as `epoch` reads it; no side is longer than the longest was."""
        draws = np.random.default_rng((seed, epoch)).random(len(self._words))
        chosen = np.searchsorted(self._bounds, self._words + draws, side="right")  # (W,)
        side_lengths = np.diff(_ends(self._lengths[chosen])[self._side_words])
        too_long = np.repeat(side_lengths > self._longest, np.diff(self._side_words))
        chosen = np.where(too_long, self._first[self._words], chosen)
        lengths = self._lengths[chosen]
        ends = _ends(lengths)
        from_table = np.repeat(self._starts[chosen] - ends[:-1], lengths) + np.arange(ends[-1])
        return replace(self._pairs, ids=self._pieces[from_table], offsets=ends[self._side_words])


def _ends(lengths: Ints) -> Ints:
    """Where each of these stretches ends, behind a 0 where the first begins."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))


def _word_borders(pairs: PackedPairs, tokenizer: Tokenizer) -> Ints:
    """Where words begin in the packed ids, and the end of all: shape = (W + 1,)."""
    begins = np.array([piece.startswith("\u2581") for piece in tokenizer.pieces(range(tokenizer.vocabulary))])
    is_border = np.append(begins[pairs.ids], True)
    is_border[pairs.offsets] = True
    return np.flatnonzero(is_border)


def _cumulated(scores: list[float], alpha: float) -> NDArray[np.float64]:
    """Probabilities in proportion to exp(alpha * score), each added to those before it; the last is 1."""
    weights = np.exp(alpha * (np.array(scores) - scores[0]))
    bounds: NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    bounds[-1] = 1.0
    return bounds
