"""How fast work is completed, in source tokens per second of busy time, and how long a slot is held."""

from __future__ import annotations

import math

MEMORY_S = 10.0
# Until something is measured: a small CPU's rate, believed as if it had been seen for one second.
PRIOR_TOKENS_PER_S = 200.0
PRIOR_S = 1.0


class CompletionRate:
    """Completed tokens and busy seconds, both forgotten over MEMORY_S seconds of work; idle time does not count."""

    def __init__(self) -> None:
        self._tokens = PRIOR_TOKENS_PER_S * PRIOR_S
        self._busy_s = PRIOR_S

    def record(self, tokens: int, busy_s: float) -> None:
        """`tokens` source tokens were completed in the last `busy_s` seconds of work."""
        kept = math.exp(-max(busy_s, 0.0) / MEMORY_S)
        self._tokens = self._tokens * kept + tokens
        self._busy_s = self._busy_s * kept + max(busy_s, 0.0)

    @property
    def tokens_per_s(self) -> float:
        """The estimate; above zero as long as anything was completed within memory."""
        return self._tokens / self._busy_s


class SlotTime:
    """How long a segment holds its slot, by means in which each new one has a twentieth, and the past the rest."""

    def __init__(self) -> None:
        self._held_s = 0.0
        self._tokens = 0.0
        self._known = 0

    def record(self, held_s: float, tokens: int) -> None:
        """One more has finished, with so many source tokens."""
        self._known = min(self._known + 1, 20)
        self._held_s += (held_s - self._held_s) / self._known
        self._tokens += (tokens - self._tokens) / self._known

    def expected_s(self, tokens: int) -> float:
        """For one of so many: what is usual, and for a long one in proportion more, since it takes as many steps more;
        0 until one has finished."""
        return self._held_s * max(tokens / self._tokens, 1.0) if self._tokens else 0.0
