"""Exact results of segments decoded before, the least recently used forgotten first."""

from __future__ import annotations

from collections import OrderedDict

from model_store.decoding.segment import Hypothesis, Segment


class ResultCache:
    """At most `entries` results, keyed by everything that decoding depends on: the segment itself.

    Valid for one bundle, since decoding is deterministic: what is found is what decoding would give.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._results: OrderedDict[Segment, tuple[Hypothesis, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def get(self, segment: Segment) -> tuple[Hypothesis, ...] | None:
        """The result, from now on the most recently used; None if it is not kept."""
        hypotheses = self._results.get(segment)
        if hypotheses is not None:
            self._results.move_to_end(segment)
        return hypotheses

    def put(self, segment: Segment, hypotheses: tuple[Hypothesis, ...]) -> None:
        """Keep the result, as the most recently used."""
        if self._entries < 1:
            return
        self._results[segment] = hypotheses
        self._results.move_to_end(segment)
        if len(self._results) > self._entries:
            self._results.popitem(last=False)
