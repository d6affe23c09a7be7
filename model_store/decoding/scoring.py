"""Length penalty, forbidden tokens, and the best extensions with a rule for ties.

Nothing here depends on how many slots are computed at once: values of a row come from that row alone, in the same order
of operations, whatever runs beside it.

Legend: N slots, K beam width, V vocabulary, R rows, M candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import torch
from torch import Tensor

Summaries: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]  # as summaries_of

_FEWEST_IN_A_PART, _MOST_IN_A_PART = 32, 256


def length_penalties(alpha: float, longest: int) -> list[float]:
    """((5 + |Y|) / 6) ** alpha (Wu et al. 2016, eq. 14) for |Y| = 0, 1, ..., longest, EOS counted."""
    return [((5 + length) / 6) ** alpha for length in range(longest + 1)]


def summaries_of(parts: Tensor) -> tuple[Tensor, Tensor]:
    """The maximum of each part of some rows, and the sum of exp(x - maximum) over it, in float32 at least.

    parts: shape = (R, parts, size). Returns shape = (R, parts), twice. Of a part that is -inf all over the sum is 0.
    """
    values = parts.to(torch.promote_types(parts.dtype, torch.float32))
    maxima = values.amax(dim=2)
    finite = maxima.masked_fill(maxima == float("-inf"), 0.0).unsqueeze(2)
    return maxima, values.sub(finite).exp_().sum(dim=2)


def best_extensions(
    logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int, summaries: Summaries = summaries_of
) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` best one-token extensions of each slot's hypotheses; ties to the lower hypothesis, then token id.

    logits: shape = (N, K, V), overwritten. log_prob: of the hypotheses, shape = (N, K). forbidden: ids that are never
    written, int64; probabilities are normalised without them. summaries: what to use instead of this module's.

    Returns log-probabilities of the extended hypotheses, the hypothesis each extends and its new token, shape =
    (N, count), best first.
    """
    slots, width, vocabulary = logits.shape
    rows = logits.view(slots * width, vocabulary).index_fill_(1, forbidden, float("-inf"))
    values, tokens = _most_probable(rows, min(count, vocabulary), summaries)
    totals = log_prob.unsqueeze(2) + values.view(slots, width, -1)  # (N, K, candidates)
    best, index = top_candidates(totals.flatten(1), count)
    return best, index // totals.shape[2], tokens.view(slots, -1).gather(1, index)


def best_among(
    candidates: Sequence[Tensor],
    barred: Sequence[tuple[int, int, int]],
    logits: Tensor,
    log_prob: Tensor,
    count: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """As best_extensions, where slot n extends its hypotheses by the ids candidates[n] only, and by none that is barred
    as (slot, hypothesis, id). Probabilities are normalised over what is left. candidates: int64, ascending."""
    kept = torch.full_like(logits, float("-inf"))
    for slot, ids in enumerate(candidates):
        kept[slot, :, ids] = logits[slot, :, ids]
    for slot, hypothesis, token in barred:
        kept[slot, hypothesis, token] = float("-inf")
    return best_extensions(kept, log_prob, torch.empty(0, dtype=torch.int64, device=logits.device), count)


def _most_probable(rows: Tensor, count: int, summaries: Summaries) -> tuple[Tensor, Tensor]:
    """The `count` largest natural-log probabilities of each row of logits, and their columns; shape = (R, count).

    A row is looked at in parts: the largest values lie in the parts with the largest maxima, so that only those are
    searched. With ties it is the same: a part further on holds no value that would be preferred.
    """
    total, size = rows.shape[1], part_size(rows.shape[1])
    exact = torch.promote_types(rows.dtype, torch.float32)
    if size is None or total // size <= count:
        return top_candidates(torch.log_softmax(rows, dim=1, dtype=exact), count)
    parts = rows.view(len(rows), -1, size)  # (R, parts, size)
    all_maxima, sums = summaries(parts)
    maxima, chosen = top_candidates(all_maxima, count)
    highest = maxima[:, :1]
    chosen = chosen.sort(dim=1).values  # so that of equals the lower column comes first
    held = parts.gather(1, chosen.unsqueeze(2).expand(-1, -1, size)).flatten(1)  # (R, count * size)
    values, place = top_candidates(held.to(exact), count)
    # Summed in two stages, since torch shares one long sum among threads.
    normaliser = (sums * (all_maxima - highest).exp()).sum(dim=1, keepdim=True).log_()
    return values - highest - normaliser, chosen.gather(1, place // size) * size + place % size


@cache
def part_size(total: int) -> int | None:
    """The size of equal parts of a row of `total` columns, the divisor nearest to 128; None if there is none near."""
    divisors = [size for size in range(_FEWEST_IN_A_PART, _MOST_IN_A_PART + 1) if total % size == 0]
    return min(divisors, key=lambda size: abs(size - 128), default=None)


def top_candidates(totals: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest values of each row, best first, and their indices; of equals the lower index comes first.

    totals: shape = (N, M). Returns values and indices, shape = (N, count). topk alone picks any of several equal
    values, so ties at the border and ties in order are settled here. Whether there are any is looked at only where the
    host need not wait for the answer.
    """
    values, index = totals.topk(count, dim=1)
    worst = values[:, -1:]
    tied = totals == worst
    if totals.device.type != "cpu" or bool((tied.sum(dim=1) > (values == worst).sum(dim=1)).any()):
        above = values > worst
        place = torch.arange(count, device=totals.device) - above.sum(dim=1, keepdim=True)
        column = torch.arange(totals.shape[1], device=totals.device)
        lowest = torch.where(tied, column, totals.shape[1]).topk(count, dim=1, largest=False).values
        # Where there are NaNs too few are tied; an index past the end would break a GPU's context, and others with it.
        lowest = lowest.clamp(max=totals.shape[1] - 1)
        index = torch.where(above, index, lowest.gather(1, place.clamp(min=0)))
    index, by_index = index.sort(dim=1)
    values, by_value = values.gather(1, by_index).sort(dim=1, descending=True, stable=True)
    return values, index.gather(1, by_value)
