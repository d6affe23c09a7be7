"""Token-budget batches of examples of like length, a function of the epoch's seed and nothing else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def plan_epoch(source_lengths: Ints, target_lengths: Ints, *, batch_tokens: int, seed: int, epoch: int) -> list[Ints]:
    """Cut all examples into batches of at most `batch_tokens` padded target tokens, in random order.

    Examples are sorted by source, then target length (ties in random order), so there is little padding. A batch at
    least half full ends where the source length changes: with all sources equally long the fused kernels run unpacked,
    which is faster, and only rare lengths share a batch. An example longer than the budget gets a batch of its own.
    Empty targets, of EOS alone, are counted as long as others are, drawn at random: else those of like sources would
    be batches of hundreds, from which a network learns to write nothing.

    source_lengths, target_lengths: tokens, shape = (N,). Returns indices of examples, each exactly once.
    """
    rng = np.random.default_rng((seed, epoch))
    empty = target_lengths == 1
    if empty.any() and not empty.all():
        target_lengths = target_lengths.copy()
        target_lengths[empty] = rng.choice(target_lengths[~empty], int(empty.sum()))
    order = rng.permutation(len(source_lengths))
    order = order[np.lexsort((target_lengths[order], source_lengths[order]))]
    batches: list[Ints] = []
    start, longest = 0, 0
    for end, example in enumerate(order):
        grown = max(longest, int(target_lengths[example]))
        over_budget = grown * (end - start + 1) > batch_tokens
        length_changes = end > start and source_lengths[example] != source_lengths[order[end - 1]]
        half_full = longest * (end - start) * 2 >= batch_tokens
        if end > start and (over_budget or (length_changes and half_full)):
            batches.append(order[start:end])
            start, grown = end, int(target_lengths[example])
        longest = grown
    if start < len(order):
        batches.append(order[start:])
    return [batches[index] for index in rng.permutation(len(batches))]
