"""How many threads a backend on a CPU may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Threads:
    """most: at any time. allowed: now, asked at each call of a kernel; `most` if None."""

    most: int
    allowed: Callable[[], int] | None = None
