"""Length penalty, masked log-probabilities, and the best candidates with a rule for ties.

Legend: N slots, K beam width, V vocabulary, M candidates.
"""

from __future__ import annotations

import torch
from torch import Tensor


def length_penalty(length: Tensor, alpha: Tensor) -> Tensor:
    """((5 + |Y|) / 6) ** alpha (Wu et al. 2016, eq. 14). length: tokens with EOS; alpha decides dtype; same shapes."""
    return ((5.0 + length.to(alpha.dtype)) / 6.0) ** alpha


def log_probabilities(logits: Tensor, forbidden: Tensor) -> Tensor:
    """Natural-log probabilities over the tokens that may be written.

    logits: shape = (N, K, V). forbidden: bool, shape = (V,); those get -inf and the rest is normalised without them.
    """
    return torch.log_softmax(logits.masked_fill(forbidden, float("-inf")), dim=-1)


def top_candidates(totals: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest values of each row, best first, and their indices; of equals the lower index comes first.

    totals: shape = (N, M). Returns values and indices, shape = (N, count). topk alone picks any of several equal
    values, so ties at the border and ties in order are settled here.
    """
    values, index = totals.topk(count, dim=1)
    worst = values[:, -1:]
    tied = totals == worst
    if bool((tied.sum(dim=1) > (values == worst).sum(dim=1)).any()):
        above = values > worst
        place = torch.arange(count, device=totals.device) - above.sum(dim=1, keepdim=True)
        column = torch.arange(totals.shape[1], device=totals.device)
        lowest = torch.where(tied, column, totals.shape[1]).topk(count, dim=1, largest=False).values
        index = torch.where(above, index, lowest.gather(1, place.clamp(min=0)))
    index, by_index = index.sort(dim=1)
    values, by_value = values.gather(1, by_index).sort(dim=1, descending=True, stable=True)
    return values, index.gather(1, by_value)
