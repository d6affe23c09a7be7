"""What was done in the last minutes: sums over a window that moves, for people who look now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields

_BUCKET_S = 5
LONGEST_WINDOW_S = 300


@dataclass(frozen=True)
class Work:
    """requests: answered, whatever the answer. refused: of them with 429. failed: of them with 5xx. segments: answered;
    source_tokens, target_tokens: of those."""

    requests: int = 0
    refused: int = 0
    failed: int = 0
    segments: int = 0
    source_tokens: int = 0
    target_tokens: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))


_FIELDS = tuple(field.name for field in fields(Work))


class Recent:
    """Adds up work by when it was done. Used from one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started_s = clock()
        self._buckets: deque[tuple[int, Work]] = deque()

    @property
    def uptime_s(self) -> float:
        """Seconds since it was made, which is when the app was."""
        return self._clock() - self._started_s

    def note(self, work: Work) -> None:
        """That was done just now."""
        bucket = self._bucket()
        if self._buckets and self._buckets[-1][0] == bucket:
            work = self._buckets.pop()[1] + work
        self._buckets.append((bucket, work))
        while self._buckets[0][0] < bucket - LONGEST_WINDOW_S // _BUCKET_S:
            self._buckets.popleft()

    def within(self, window_s: int) -> tuple[Work, float]:
        """What was done in about the last `window_s` seconds, at most LONGEST_WINDOW_S, and how many those really are:
        whole buckets and the one under way, and no more than there have been."""
        first = self._bucket() - window_s // _BUCKET_S
        done = sum((work for bucket, work in self._buckets if bucket >= first), Work())
        return done, min(self._clock() - max(first * _BUCKET_S, self._started_s), self.uptime_s)

    def _bucket(self) -> int:
        return int(self._clock() // _BUCKET_S)
