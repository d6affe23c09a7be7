"""What the outcomes of a load say: percentiles, rates, the most that is answered within a bound, growth."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.load.open_loop import Outcome


@dataclass(frozen=True)
class Point:
    """A load and what came of it. offered_per_s: requests. share: of what the server does at most. latencies of those
    that were answered, in seconds. failed: what those were told that were neither answered nor refused for overload."""

    offered_per_s: float
    share: float
    requests: int
    statuses: dict[str, int]
    p50_s: float
    p97_s: float
    p99_s: float
    driver_late_p99_s: float
    failed: dict[str, int] = field(default_factory=dict)


def point(outcomes: Sequence[Outcome], offered_per_s: float, most_per_s: float) -> Point:
    """Of one load."""
    latencies = [each.latency_s for each in outcomes if each.status == 200]
    return Point(
        offered_per_s=round(offered_per_s, 3),
        share=round(offered_per_s / most_per_s, 3),
        requests=len(outcomes),
        statuses=dict(Counter(str(each.status) for each in outcomes)),
        p50_s=percentile(latencies, 50),
        p97_s=percentile(latencies, 97),
        p99_s=percentile(latencies, 99),
        driver_late_p99_s=percentile([each.late_s for each in outcomes], 99),
        failed=dict(Counter(f"{each.status} {each.why}" for each in outcomes if each.status not in (200, 429))),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """By nearest rank, to a millisecond; infinite where there is nothing."""
    if not values:
        return float("inf")
    return round(sorted(values)[-(-len(values) * percent // 100) - 1], 3)


def keeps(one: Point, p97_s: float) -> bool:
    """Whether everything was answered, 97% within the bound and 99% within twice it, as MLPerf has it."""
    return set(one.statuses) == {"200"} and one.p97_s <= p97_s and one.p99_s <= 2 * p97_s


def highest_within(points: Sequence[Point], p97_s: float) -> Point | None:
    """The largest load that keeps the bound, as do all below it; None if the smallest does not."""
    best = None
    for one in sorted(points, key=lambda each: each.offered_per_s):
        if not keeps(one, p97_s):
            break
        best = one
    return best


def bound_for(one: Point) -> float:
    """The bound on p97 at which that load is still kept, in seconds; infinite if not everything was answered."""
    return max(one.p97_s, one.p99_s / 2) if set(one.statuses) == {"200"} else float("inf")


def answered_per_s(outcomes: Sequence[Outcome], from_s: float, until_s: float) -> float:
    """Answers with a translation that came within that time, a second."""
    return len(_answered(outcomes, from_s, until_s)) / (until_s - from_s)


def target_tokens_per_s(outcomes: Sequence[Outcome], from_s: float, until_s: float) -> float:
    """The tokens of those."""
    return sum(each.target_tokens for each in _answered(outcomes, from_s, until_s)) / (until_s - from_s)


def _answered(outcomes: Sequence[Outcome], from_s: float, until_s: float) -> list[Outcome]:
    return [each for each in outcomes if each.status == 200 and from_s <= each.done_s < until_s]


def growth_per_s(samples: Sequence[tuple[float, float]]) -> float:
    """The slope of a line through (second, value), by least squares."""
    slope, _intercept = statistics.linear_regression(*zip(*samples, strict=True))
    return slope
