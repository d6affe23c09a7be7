"""Percentiles: those by nearest rank, and none that is only the longest time."""

from __future__ import annotations

import pytest

from benchmarks.measure import percentile, percentiles
from benchmarks.work import IN_FLIGHT, SENTENCES

ROUNDS = 3


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentiles(range(200, 0, -1)) == {"p50": 100, "p95": 190, "p99": 198}
    assert percentile([3.0, 1.0, 2.0], 95) == 3.0


@pytest.mark.parametrize(("count", "told"), [(1, []), (2, ["p50"]), (19, ["p50"]), (48, ["p50", "p95"])])
def test_one_that_is_only_the_largest_value_is_not_told(count: int, told: list[str]) -> None:
    assert list(percentiles(range(count))) == told


def test_as_many_sentences_are_decoded_as_are_to_be_in_flight_and_of_one_enough_for_p99() -> None:
    assert all(SENTENCES[count] >= count for count in IN_FLIGHT)
    assert ROUNDS * SENTENCES[1] >= 200
