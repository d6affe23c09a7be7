"""How far apart the totals were that the choices of a search hung on: who errs by less chooses alike.

All totals are of one segment, best first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise


def of_step(candidates: Sequence[tuple[float, int, int]], beam: int, pruning: float, eos: int) -> float:
    """Which ends are among the first, which hypotheses go on, and which of those are pruned. candidates: all of them,
    as (total, row, token)."""
    totals = [total for total, _row, _token in candidates]
    gaps = [math.inf]
    for place, (total, _row, token) in enumerate(candidates):
        if token == eos and place >= beam:
            gaps.append(totals[beam - 1] - total)
        elif token == eos and beam < len(totals):
            gaps.append(total - totals[beam])
    going_on = [total for total, _row, token in candidates if token != eos]
    if beam < len(going_on):
        gaps.append(going_on[beam - 1] - going_on[beam])
    gaps += [abs(going_on[0] - pruning - total) for total in going_on[1:beam]]  # the best is never pruned
    return min(gaps)


def of_order(scores: Sequence[float], count: int) -> float:
    """Which are the first `count` of all, and in which order."""
    return min((better - worse for better, worse in pairwise(scores[: max(count, 0) + 1])), default=math.inf)
