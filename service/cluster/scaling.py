"""How many replicas there should be: as many as have their slots full with what runs and waits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.serve.config import AutoscalingContext


class SegmentsInHand:
    """Ray Serve's autoscaling policy. per_replica: segments that one replica should have in hand, running or waiting.

    Requests say little: one has a word in it, another a book. Serve itself smooths over time and keeps the bounds.
    """

    def __init__(self, per_replica: int) -> None:
        self._per_replica = per_replica

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        """How many, and what to remember, which is nothing."""
        told = (context.aggregated_metrics or {}).get("segments", {})
        return wanted_replicas(told.values(), self._per_replica), {}


def wanted_replicas(segments: Iterable[float], per_replica: int) -> int:
    """segments: what each replica has in hand."""
    return max(1, math.ceil(sum(segments) / per_replica))
