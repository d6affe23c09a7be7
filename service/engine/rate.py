"""How fast work is completed, in source tokens per second of busy time: exponentially weighted."""

from __future__ import annotations

import math

MEMORY_S = 30.0
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
