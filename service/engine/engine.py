"""The engine's async face: submit, share, cache, cancel, drain, health."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields

from model_store.decoding.decoder import Decoder
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import ConfigError, SegmentError
from service.engine.cache import ResultCache
from service.engine.flights import Flight, Flights, Group, Watch
from service.engine.scheduler import Scheduler
from service.engine.segment import ANYONE, NO_TIMINGS, Client, Priority, SegmentResult, SegmentTimings, Standing
from service.engine.slots import Slots
from service.engine.stats import (
    EngineHealth,
    EngineObserver,
    GuardedObserver,
    Outcome,
    Rejection,
    SegmentReport,
)
from service.engine.waiting import GroupSize, QueueLimits
from service.engine.worker import Settled, Worker
from service.errors import EngineDeadlineError, EngineOverloadedError, EngineUnavailableError

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class EngineSettings:
    """Bounds of the engine.

    max_queued_segments, max_queued_tokens: what may wait for a slot, in segments and in source tokens, per priority
        class, so that bulk work cannot shut interactive work out. A text too long for that still gets in, when the
        queue is at most half full. cache_entries: exact results kept; 0 keeps none.
    unhealthy_after_failures: failures of the decoder in a row after which the engine counts as unhealthy.
    """

    max_queued_segments: int = 2000
    max_queued_tokens: int = 60_000
    cache_entries: int = 10_000
    unhealthy_after_failures: int = 3

    def __post_init__(self) -> None:
        for setting in fields(self):
            value, least = getattr(self, setting.name), 0 if setting.name == "cache_entries" else 1
            if value < least:
                raise ConfigError(f"{setting.name}: {value} is too small; allowed: {least} and more")


class Engine:
    """One decoder, its thread and its queue, used from one event loop at a time."""

    def __init__(
        self,
        decoder_factory: Callable[[], Decoder],
        settings: EngineSettings | None = None,
        observer: EngineObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settings or EngineSettings()
        self._observer = GuardedObserver(observer or EngineObserver())
        self._worker = Worker(
            Scheduler(QueueLimits(settings.max_queued_segments, settings.max_queued_tokens), clock),
            Slots(decoder_factory, self._observer, clock),
            self._report,
            self._hear,
            clock,
            unhealthy_after_failures=settings.unhealthy_after_failures,
        )
        self._cache = ResultCache(settings.cache_entries)
        self._flights = Flights()
        self._landed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread and build the decoder in it; returns when it is built, raises what its factory raised."""
        self._worker.start()

    async def submit_all(
        self,
        segments: Sequence[Segment],
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline_s: float | None = None,
        client: Client = ANYONE,
        standing: Standing = Standing.NEW,
        watch: Watch | None = None,
    ) -> list[SegmentResult]:
        """Decode a group of segments; results in the same order. `watch` is told in the event loop, before the group is
        done, what is settled of each segment.

        All of them are queued, or none. Equal segments in flight are decoded once, under the best priority of those
        who wait and for as long as one of them does; known results come from the cache. If the awaiting task is
        cancelled, its deadline passes, or one segment fails, the group's others are dropped, but for those that someone
        else waits for too.

        Raises:
            SegmentError: a source, beam or length that the decoder cannot take; nothing was queued.
            EngineOverloadedError: no room for the group, which is new; nothing was queued.
            EngineUnavailableError: not started, draining or stopped.
            EngineDeadlineError: not finished `deadline_s` seconds after submission.
            EngineFailedError: the decoder raised while it held one of the segments.
        """
        self._adopt_loop()
        group = Group(len(segments), priority, asyncio.get_running_loop().create_future(), watch)
        flights = self._embark(segments, group, deadline_s, client, standing)
        outcome: Outcome = "cancelled"
        try:
            if flights:
                # A shared segment may fly on for one who waits longer, so each group keeps its own time.
                async with asyncio.timeout(deadline_s):
                    await group.done
        except TimeoutError as error:
            outcome = "expired"
            raise EngineDeadlineError("the deadline passed before the segment was decoded") from error
        finally:
            self._leave(group, flights, outcome)
        return group.results

    def refuse_if_full(
        self,
        texts: int,
        least: GroupSize,
        *,
        priority: Priority,
        deadline_s: float | None = None,
        client: Client = ANYONE,
    ) -> None:
        """Raise what submit_all would raise for any new group of `least` that or more, as far as its results are
        neither known nor under way. Texts that are refused here are not cut into segments first, and count as one each.

        Raises:
            EngineOverloadedError, EngineUnavailableError: as submit_all.
        """
        try:
            self._worker.refuse(least, priority, deadline_s, client)
        except (EngineOverloadedError, EngineUnavailableError) as error:
            self._observer.segment_rejected(_rejection(error), texts)
            raise

    def health(self) -> EngineHealth:
        """The state now."""
        return self._worker.health()

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new work and wait for what was accepted; whether all of it ended within `timeout_s` seconds."""
        self._worker.drain()
        try:
            async with asyncio.timeout(timeout_s):
                while self._flights:
                    self._landed.clear()
                    await self._landed.wait()
        except TimeoutError:
            return False
        return True

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Stop the thread after its current step; what had not ended fails with EngineUnavailableError.

        Waits at most `timeout_s` seconds for that step. Closing twice, or before the start, does no harm.
        """
        self._worker.stop(timeout_s)

    def _adopt_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is self._loop:
            return
        if self._loop is not None and not self._loop.is_closed() and self._flights:
            raise RuntimeError("an engine serves one event loop at a time, and another one waits for results")
        self._loop, self._flights, self._landed = loop, Flights(), asyncio.Event()

    def _embark(
        self, segments: Sequence[Segment], group: Group, deadline_s: float | None, client: Client, standing: Standing
    ) -> list[Flight]:
        """Find or open a flight for every segment without a known result, or raise; then nothing was queued."""
        known: dict[Segment, tuple[Hypothesis, ...]] = {}
        flying: dict[Segment, Flight] = {}
        new: list[Segment] = []
        try:
            for segment in dict.fromkeys(segments):
                self._worker.check(segment)
                if (hypotheses := self._cache.get(segment)) is not None:
                    known[segment] = hypotheses
                elif (flight := self._flights.find(segment)) is not None and self._worker.widen(
                    flight.entry_id, group.priority, deadline_s
                ):
                    flying[segment] = flight
                else:
                    new.append(segment)
            entry_ids = self._worker.submit(new, group.priority, deadline_s, client, standing)
            if group.watch is not None:
                self._worker.watch([*entry_ids, *(flight.entry_id for flight in flying.values())])
        except (SegmentError, EngineOverloadedError, EngineUnavailableError) as error:
            self._observer.segment_rejected(_rejection(error), len(segments))
            raise
        flying.update(
            (segment, self._flights.open(entry_id, segment)) for entry_id, segment in zip(entry_ids, new, strict=True)
        )
        for index, segment in enumerate(segments):
            if segment in known:
                group.put(index, SegmentResult(known[segment], NO_TIMINGS, "cache"))
                self._tell("cache", segment, known[segment])
            else:
                flying[segment].join(group, index)
        return list(flying.values())

    def _leave(self, group: Group, flights: list[Flight], outcome: Outcome) -> None:
        empty, left = self._flights.leave(group, flights)
        for segment in left:
            self._tell(outcome, segment)
        if empty:
            self._worker.cancel(empty)
            self._landed.set()

    def _report(self, settled: list[Settled]) -> None:
        """From the worker's thread, or whichever closes the engine: hand what ended to the event loop."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._deliver, self._loop, settled)
        except RuntimeError:
            logger.warning("%d segments ended after their event loop was closed", len(settled))

    def _hear(self, news: list[tuple[int, tuple[int, ...]]]) -> None:
        """From the worker's thread: what is settled of segments that are watched."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody watches any more
                self._loop.call_soon_threadsafe(self._pass_on, self._loop, news)

    def _pass_on(self, loop: asyncio.AbstractEventLoop, news: list[tuple[int, tuple[int, ...]]]) -> None:
        for entry_id, tokens in news if loop is self._loop else ():
            if (flight := self._flights.get(entry_id)) is not None:
                flight.tell(tokens)

    def _deliver(self, loop: asyncio.AbstractEventLoop, settled: list[Settled]) -> None:
        if loop is not self._loop:
            return
        for one in settled:
            flight = self._flights.end(one.entry_id)
            if flight is None:
                continue
            if one.error is None:
                self._cache.put(flight.segment, one.hypotheses)
            flight.settle(one)
            for waiter in flight.waiters:
                outcome = waiter.source if one.error is None else _failure(one.error)
                self._tell(outcome, flight.segment, one.hypotheses, one.timings)
        self._landed.set()

    def _tell(
        self,
        outcome: Outcome,
        segment: Segment,
        hypotheses: tuple[Hypothesis, ...] = (),
        timings: SegmentTimings = NO_TIMINGS,
    ) -> None:
        target_tokens = len(hypotheses[0].tokens) if hypotheses else 0
        report = SegmentReport(outcome, len(segment.source), target_tokens, segment.beam_size, timings)
        self._observer.segment_finished(report)


def _rejection(error: Exception) -> Rejection:
    if isinstance(error, EngineOverloadedError):
        return "overloaded"
    return "unavailable" if isinstance(error, EngineUnavailableError) else "invalid"


def _failure(error: Exception) -> Outcome:
    if isinstance(error, EngineDeadlineError):
        return "expired"
    return "stopped" if isinstance(error, EngineUnavailableError) else "failed"
