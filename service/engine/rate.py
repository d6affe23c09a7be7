"""How fast work is completed, in source tokens per second of busy time, and how long a slot is held.

A machine may stand still for a while: a neighbour takes its cores, or a virtual one is put aside. That says nothing of
how fast it goes on, so no single measurement counts for more than STALL times what is usual; many do, one by one.
"""

from __future__ import annotations

import math

MEMORY_S = 10.0
STALL = 10.0
# Until something is measured: a small CPU's rate, believed as if it had been seen for one second.
PRIOR_TOKENS_PER_S = 200.0
PRIOR_S = 1.0
PRIOR_STEP_S = 0.5


class Usual:
    """A mean in which each new measurement has a twentieth, and the past the rest."""

    def __init__(self, prior: float | None = None) -> None:
        self.mean = prior or 0.0
        self._known = 0 if prior is None else 20

    def record(self, value: float) -> float:
        """Take in one more, at least 0; returns how much of it counts."""
        counted = min(value, STALL * self.mean) if self._known else value
        self._known = min(self._known + 1, 20)
        self.mean += (counted - self.mean) / self._known
        return counted


class CompletionRate:
    """Completed tokens and busy seconds, both forgotten over MEMORY_S seconds of work; idle time does not count."""

    def __init__(self) -> None:
        self._tokens = PRIOR_TOKENS_PER_S * PRIOR_S
        self._busy_s = PRIOR_S
        self._step_s = Usual(PRIOR_STEP_S)

    def record(self, tokens: int, busy_s: float) -> None:
        """`tokens` source tokens were completed in a step of `busy_s` seconds."""
        counted_s = self._step_s.record(max(busy_s, 0.0))
        kept = math.exp(-counted_s / MEMORY_S)
        self._tokens = self._tokens * kept + tokens
        self._busy_s = self._busy_s * kept + counted_s

    @property
    def tokens_per_s(self) -> float:
        """The estimate; above zero as long as anything was completed within memory."""
        return self._tokens / self._busy_s


class SlotTime:
    """How long a segment holds its slot."""

    def __init__(self) -> None:
        self._held_s = Usual()
        self._tokens = Usual()

    def record(self, held_s: float, tokens: int) -> None:
        """One more has finished, with so many source tokens."""
        self._held_s.record(held_s)
        self._tokens.record(tokens)

    def expected_s(self, tokens: int) -> float:
        """For one of so many: what is usual, and for a long one in proportion more, since it takes as many steps more;
        0 until one has finished."""
        return self._held_s.mean * max(tokens / self._tokens.mean, 1.0) if self._tokens.mean else 0.0
