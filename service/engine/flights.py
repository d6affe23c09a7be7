"""Who waits for what: groups of callers, and the flights of segments that identical ones share. One event loop only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from model_store.decoding.segment import Segment
from service.engine.segment import Priority, ResultSource, SegmentResult
from service.engine.worker import Settled

logger = logging.getLogger(__name__)

# The number of a segment in its group, the tokens that its best target is sure to begin with, whether they are all.
Watch = Callable[[int, tuple[int, ...], bool], None]


class Group:
    """The segments of one caller. `done` is set when all have a result, or with the first error. `watch` is told what
    is settled of each while it runs, and when it has its result."""

    def __init__(self, size: int, priority: Priority, done: asyncio.Future[None], watch: Watch | None) -> None:
        self.priority = priority
        self.watch = watch
        self.done = done
        self._results: list[SegmentResult | None] = [None] * size
        self._missing = size

    @property
    def results(self) -> list[SegmentResult]:
        """The results in the order of the segments; whole once `done` is."""
        return [result for result in self._results if result is not None]

    def put(self, index: int, result: SegmentResult) -> None:
        """The result of segment `index`, once for each."""
        self._results[index] = result
        self._missing -= 1
        self.tell(index, result.hypotheses[0].tokens, whole=True)
        if not self._missing and not self.done.done():
            self.done.set_result(None)

    def tell(self, index: int, tokens: tuple[int, ...], *, whole: bool) -> None:
        """Tell who watches. One that raises hears nothing more: its fault must not reach those who wait beside it."""
        if self.watch is not None:
            try:
                self.watch(index, tokens, whole)
            except Exception:
                self.watch = None
                logger.exception("who watched segments is told nothing more")

    def fail(self, error: Exception) -> None:
        """One segment has none: the group fails with the first such error."""
        if not self.done.done():
            self.done.set_exception(error)


@dataclass(frozen=True)
class Waiter:
    """One segment of a group, and whether its decoding was started for it or for another before it."""

    group: Group
    index: int
    source: ResultSource


@dataclass(eq=False)
class Flight:
    """A segment in the worker's hands and all who wait for it."""

    entry_id: int
    segment: Segment
    waiters: list[Waiter] = field(default_factory=list)

    def join(self, group: Group, index: int) -> None:
        """One more segment waits; the first is the one that it is decoded for."""
        self.waiters.append(Waiter(group, index, "shared" if self.waiters else "decoded"))

    def tell(self, tokens: tuple[int, ...]) -> None:
        """Tell those who watch what the result is sure to begin with."""
        for waiter in self.waiters:
            waiter.group.tell(waiter.index, tokens, whole=False)

    def settle(self, settled: Settled) -> None:
        """Give everyone who waits the result or the error."""
        for waiter in self.waiters:
            if settled.error is None:
                result = SegmentResult(settled.hypotheses, settled.timings, waiter.source)
                waiter.group.put(waiter.index, result)
            else:
                waiter.group.fail(settled.error)


class Flights:
    """All flights, by segment and by entry."""

    def __init__(self) -> None:
        self._by_entry: dict[int, Flight] = {}
        self._by_segment: dict[Segment, Flight] = {}

    def __len__(self) -> int:
        return len(self._by_entry)

    def get(self, entry_id: int) -> Flight | None:
        """The flight of an entry."""
        return self._by_entry.get(entry_id)

    def find(self, segment: Segment) -> Flight | None:
        """The flight of an equal segment."""
        return self._by_segment.get(segment)

    def open(self, entry_id: int, segment: Segment) -> Flight:
        """A new flight; later equal segments join it rather than an older one that has already ended."""
        flight = Flight(entry_id, segment)
        self._by_entry[entry_id] = self._by_segment[segment] = flight
        return flight

    def end(self, entry_id: int) -> Flight | None:
        """Take a flight out; None if everyone had left it."""
        flight = self._by_entry.pop(entry_id, None)
        if flight is not None and self._by_segment.get(flight.segment) is flight:
            del self._by_segment[flight.segment]
        return flight

    def leave(self, group: Group, flights: list[Flight]) -> tuple[list[int], list[Segment]]:
        """A group gives up: it leaves those of its `flights` that are still open.

        Returns the entries that nobody waits for any more (their flights have ended) and the segments given up.
        """
        empty, left = [], []
        for flight in flights:
            if flight.entry_id not in self._by_entry:
                continue
            staying = [waiter for waiter in flight.waiters if waiter.group is not group]
            left += [flight.segment] * (len(flight.waiters) - len(staying))
            flight.waiters = staying
            if not staying:
                self.end(flight.entry_id)
                empty.append(flight.entry_id)
        return empty, left
