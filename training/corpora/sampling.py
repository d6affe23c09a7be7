"""Draws a reproducible sample of a corpus in one pass."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable

from training.corpora.pair import SentencePair


def sample(pairs: Iterable[SentencePair], limit: int | None, seed: int) -> list[SentencePair]:
    """The first `limit` pairs after a shuffle by `seed`; all of them, in their own order, if limit is None.

    Each pair draws a random key, and the smallest keys win: only `limit` pairs are held at a time, and a smaller
    sample is the beginning of a larger one.
    """
    if limit is None:
        return list(pairs)
    rng = random.Random(seed)
    keyed = ((rng.random(), number, pair) for number, pair in enumerate(pairs))
    return [pair for _, _, pair in heapq.nsmallest(limit, keyed, key=lambda entry: entry[:2])]
