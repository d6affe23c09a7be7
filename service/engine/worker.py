"""Owns the one thread of a device: wakes on work, admits, steps, collects, and ends every accepted entry once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from model_store.decoding.segment import Hypothesis, Segment
from service.engine.scheduler import Scheduler
from service.engine.segment import ANYONE, NO_TIMINGS, Client, Priority, SegmentTimings, Standing
from service.engine.slots import Ended, Slots
from service.engine.stats import EngineHealth
from service.engine.waiting import Entry, GroupSize
from service.errors import EngineDeadlineError, EngineError, EngineFailedError, EngineUnavailableError

logger = logging.getLogger(__name__)

_TOO_LATE = "the deadline passed before the segment was decoded"
_LOOKS_EVERY_S = 0.5
FIRST_REBUILD_DELAY_S = 0.1
MAX_REBUILD_DELAY_S = 10.0
# A decoder that failed several times in a row is given traffic again after this long without a failure: an unready
# service gets no requests, so only time can show that it recovered.
FAILURES_FORGOTTEN_AFTER_S = 30.0
# One turn is an encoding and a step: milliseconds to a second. A decoder that is away for this long hangs, and one that
# cannot be built for this long will not be: a GPU whose context is broken stays so as long as the process.
LOST_AFTER_S = 60.0


@dataclass(frozen=True)
class Settled:
    """An accepted entry's end: hypotheses, or an error."""

    entry_id: int
    hypotheses: tuple[Hypothesis, ...] = ()
    error: Exception | None = None
    timings: SegmentTimings = NO_TIMINGS


Report = Callable[[list[Settled]], None]
# Ids of watched entries, and the tokens that their results are sure to begin with.
Tell = Callable[[list[tuple[int, tuple[int, ...]]]], None]


class Worker:
    """The thread and its lock. Everything public may be called from any thread.

    `report` is called from the worker's thread, once a turn, with what ended, and `tell` with what is settled of
    results that are watched; an entry that was cancelled is never reported. Entries in order: accepted -> running ->
    settled, or forgotten by `cancel`. After a fault of the thread's own an entry that was reported just before may be
    reported again, as failed; the first report counts.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        slots: Slots,
        report: Report,
        tell: Tell,
        clock: Callable[[], float],
        *,
        unhealthy_after_failures: int,
    ) -> None:
        self._scheduler = scheduler
        self._slots = slots
        self._report = report
        self._tell = tell
        self._clock = clock
        self._unhealthy_after_failures = unhealthy_after_failures
        self._changed = threading.Condition()
        self._dropped: list[int] = []
        self._accepted: set[int] = set()
        self._turn_since_s: float | None = None
        self._rebuilding_since_s: float | None = None
        self._running = False
        self._draining = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; returns when it has built the decoder. Raises what the factory raised, or that it stops."""
        if self._thread is not None:
            raise RuntimeError("a worker is started once")
        built = threading.Event()
        failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._main, args=(built, failure), name="verso-engine", daemon=True)
        self._thread.start()
        while not built.wait(_LOOKS_EVERY_S):
            if self._stopping:
                raise EngineUnavailableError("the engine was stopped before its decoder was built")
        if failure:
            raise failure[0]

    def check(self, segment: Segment) -> None:
        """Raise SegmentError if the decoder can never take the segment."""
        self._slots.check(segment)

    def submit(
        self,
        segments: Sequence[Segment],
        priority: Priority,
        deadline_s: float | None,
        client: Client = ANYONE,
        standing: Standing = Standing.NEW,
    ) -> list[int]:
        """Queue a group as a whole; ids in order. Raises EngineUnavailableError or EngineOverloadedError."""
        with self._changed:
            self._refuse_if_unavailable()
            entry_ids = self._scheduler.submit(segments, priority, deadline_s, client, standing) if segments else []
            self._accepted.update(entry_ids)
            self._wake()
            return entry_ids

    def refuse(self, group: GroupSize, priority: Priority, deadline_s: float | None, client: Client) -> None:
        """Raise what `submit` would raise for a new group of that size."""
        with self._changed:
            self._refuse_if_unavailable()
            self._scheduler.refuse(group, priority, deadline_s, client)

    def widen(self, entry_id: int, priority: Priority, deadline_s: float | None) -> bool:
        """One more caller wants the entry; False if it has ended already."""
        with self._changed:
            return self._scheduler.widen(entry_id, priority, deadline_s)

    def watch(self, entry_ids: Iterable[int]) -> None:
        """Tell of the entries while they run."""
        with self._changed:
            self._scheduler.watch(entry_ids)

    def cancel(self, entry_ids: Iterable[int]) -> None:
        """Forget entries that nobody waits for: out of the queue at once, out of their slots before the next step."""
        with self._changed:
            dropped = [entry.entry_id for entry in self._scheduler.remove(entry_ids)]
            self._dropped += dropped
            self._accepted.difference_update(dropped)
            self._wake()

    def drain(self) -> None:
        """Refuse new entries from now on; those accepted go on."""
        with self._changed:
            self._draining = True

    def stop(self, timeout_s: float) -> None:
        """End the thread after its current step, waiting at most `timeout_s` seconds for it; what is left fails."""
        with self._changed:
            self._draining = self._stopping = True
            self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                logger.error("the decoder did not come back within %s s; its thread is left behind", timeout_s)
            else:
                self._slots.close()
        self._abandon("the engine has stopped")

    def health(self) -> EngineHealth:
        """The state now."""
        with self._changed:
            running = self._running and self._slots.built and not self._stopping
            stalled = self._since_long(self._turn_since_s)
            return EngineHealth(
                running=running,
                healthy=running and not self._failing() and not stalled,
                lost=not self._stopping and (stalled or self._since_long(self._rebuilding_since_s)),
                draining=self._draining,
                waiting=self._scheduler.waiting,
                live=self._scheduler.running,
                restarts=self._slots.restarts,
                last_error="the decoder does not come back from a step" if stalled else self._slots.last_error,
                # When all slots are taken, some more are encoded and wait for one.
                hypotheses=min(self._scheduler.running_hypotheses, self._slots.rows),
                rows=self._slots.rows,
            )

    def _wake(self) -> None:
        """There is news for the thread, whether it waits for work or for the end of a step."""
        self._changed.notify_all()
        self._slots.wake()

    def _failing(self) -> bool:
        return (
            self._slots.failures_in_a_row >= self._unhealthy_after_failures
            and self._clock() - self._slots.last_failure_s < FAILURES_FORGOTTEN_AFTER_S
        )

    def _since_long(self, since_s: float | None) -> bool:
        return since_s is not None and self._clock() - since_s > LOST_AFTER_S

    def _refuse_if_unavailable(self) -> None:
        if self._stopping or not self._running:
            raise EngineUnavailableError("the engine is not running")
        if self._draining:
            raise EngineUnavailableError("the engine is draining: it finishes what it accepted and takes no more")
        if not self._slots.built and self._failing():
            raise EngineUnavailableError(f"the decoder cannot be built: {self._slots.last_error}")

    def _main(self, built: threading.Event, failure: list[BaseException]) -> None:
        if (fault := self._slots.build()) is not None:
            failure.append(fault)
            built.set()
            return
        self._running = True
        built.set()
        try:
            while not self._stopping:
                try:
                    if self._slots.built:
                        self._turn()
                    else:
                        self._rebuild()
                except BaseException as error:  # a SystemExit too: there is no other thread to go on
                    self._recover(error)
        finally:
            self._running = False
            self._abandon("the engine has stopped")

    def _recover(self, error: BaseException) -> None:
        """A fault outside the decoder: what is accounted for cannot be told from what is not, so all of it fails."""
        logger.critical("the engine's thread failed: everything that it held fails", exc_info=error)
        self._slots.fail_live("the engine's own work", error)
        self._turn_since_s = self._rebuilding_since_s = None
        self._abandon(f"the engine failed and starts anew: {type(error).__name__}: {error}", EngineFailedError)

    def _turn(self) -> None:
        """Free what was dropped, admit what fits, one step, report; waits first if there is nothing to do."""
        with self._changed:
            self._changed.wait_for(self._has_work)
            if self._stopping:
                return
            self._turn_since_s = self._clock()
            expired = self._scheduler.expire()
            dropped, self._dropped = self._dropped, []
        ended = self._slots.free([*dropped, *(entry.entry_id for entry in expired)])
        ended += self._admit()
        if self._slots.live:
            ended += self._slots.advance()
            if news := self._slots.news():
                self._tell(news)
        self._settle(expired, ended)
        self._turn_since_s = None

    def _has_work(self) -> bool:
        return bool(self._stopping or self._dropped or self._scheduler.queued or self._scheduler.running)

    def _admit(self) -> list[Ended]:
        ended: list[Ended] = []
        while self._slots.built:
            with self._changed:
                try:
                    entries = self._scheduler.take(self._slots.room)
                except Exception as error:
                    return ended + self._slots.fail_live("asking for room", error)
            if not entries:
                break
            ended += self._slots.admit(entries)
        return ended

    def _rebuild(self) -> None:
        """Build the decoder anew. After several failures in a row nothing waits for it any longer."""
        delay_s = FIRST_REBUILD_DELAY_S
        self._rebuilding_since_s = self._clock()
        while self._slots.build() is not None:
            if self._slots.failures_in_a_row >= self._unhealthy_after_failures:
                self._abandon(f"the decoder cannot be built: {self._slots.last_error}")
            with self._changed:
                if self._changed.wait_for(lambda: self._stopping, timeout=delay_s):
                    return
                expired = self._scheduler.expire()
            self._settle(expired, [])
            delay_s = min(2 * delay_s, MAX_REBUILD_DELAY_S)
        self._rebuilding_since_s = None

    def _settle(self, expired: Sequence[Entry], ended: Sequence[Ended]) -> None:
        settled = [Settled(entry.entry_id, error=EngineDeadlineError(_TOO_LATE)) for entry in expired]
        with self._changed:
            for end in ended:
                entry_id = end.entry.entry_id
                if end.error is not None:
                    if self._scheduler.remove([entry_id]):
                        settled.append(Settled(entry_id, error=end.error))
                elif (timings := self._scheduler.finish(entry_id)) is not None:
                    settled.append(Settled(entry_id, end.hypotheses, timings=replace(timings, steps=end.steps)))
            self._scheduler.note_progress()
        if settled:
            self._report(settled)
            with self._changed:
                self._accepted.difference_update(one.entry_id for one in settled)

    def _abandon(self, reason: str, kind: type[EngineError] = EngineUnavailableError) -> None:
        """End everything that was accepted and not reported, whether or not the scheduler still knows of it."""
        with self._changed:
            left = {entry.entry_id for entry in self._scheduler.clear()} | self._accepted
            self._accepted = set()
            self._dropped = []
        if left:
            self._report([Settled(entry_id, error=kind(reason)) for entry_id in sorted(left)])
