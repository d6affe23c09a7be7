"""Decides what is accepted, what runs next and what is dropped; plain Python, no torch, threads or clock of its own."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from service.engine.rate import CompletionRate, SlotTime
from service.engine.segment import ANYONE, Client, Priority, SegmentTimings, Standing
from service.engine.stats import Waiting
from service.engine.waiting import Entry, GroupSize, Queue, QueueLimits
from service.errors import EngineOverloadedError

if TYPE_CHECKING:
    from model_store.decoding.segment import Segment

MIN_RETRY_AFTER_S = 1.0
MAX_RETRY_AFTER_S = 120.0
# While interactive work waits too, bulk gets a token for this many of it: enough to go on, too little to be felt.
INTERACTIVE_PER_BULK = 8
# Deadlines that are kept beside those of what is there, at most: of what ended before them.
PAST_EXPIRIES = 256
# The share of its time after which a request should be done by what is known: the rest is for what is not.
SURE_SHARE = 0.75


class Scheduler:
    """Entries wait by priority, fairly between clients, in order of arrival; then run until they finish or are dropped.

    Not thread-safe: the worker holds its lock around every call.
    """

    def __init__(self, limits: QueueLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._queues = {priority: Queue() for priority in Priority}
        self._running: dict[int, Entry] = {}
        self._running_tokens = 0
        self._expiries: list[tuple[float, int]] = []
        self._next_id = 0
        self._rate = CompletionRate()
        self._slot_time = SlotTime()
        self._rated_until_s = clock()
        self._completed_tokens = 0
        self._bulk_credit = 0.0

    @property
    def queued(self) -> int:
        """Segments that wait."""
        return sum(len(queue.entries) for queue in self._queues.values())

    @property
    def waiting(self) -> dict[Priority, Waiting]:
        """What waits, by priority."""
        return {priority: Waiting(len(queue.entries), queue.tokens) for priority, queue in self._queues.items()}

    @property
    def running(self) -> int:
        """Segments that were taken and have not ended."""
        return len(self._running)

    @property
    def running_hypotheses(self) -> int:
        """The beams of what runs, added up."""
        return sum(entry.segment.beam_size for entry in self._running.values())

    def submit(
        self,
        segments: Sequence[Segment],
        priority: Priority,
        deadline_s: float | None = None,
        client: Client = ANYONE,
        standing: Standing = Standing.NEW,
    ) -> list[int]:
        """Queue a group, all of it or nothing; returns an id for each segment.

        deadline_s: seconds from now after which the group is of no use any more.

        Raises:
            EngineOverloadedError: as `refuse`, where it is new.
        """
        if standing is Standing.NEW:
            lengths = [len(segment.source) for segment in segments]
            self.refuse(GroupSize(len(lengths), sum(lengths), max(lengths)), priority, deadline_s, client)
        queue, now = self._queues[priority], self._clock()
        if not self.queued and not self._running:
            self._rated_until_s = now  # the idle time before this moment says nothing about the rate
        expires_s = None if deadline_s is None else now + deadline_s
        entries = [
            Entry(self._next_id + index, segment, priority, now, expires_s, client=client, standing=standing)
            for index, segment in enumerate(segments)
        ]
        self._next_id += len(entries)
        for entry in entries:
            queue.add(entry)
            self._watch_expiry(entry)
        return [entry.entry_id for entry in entries]

    def refuse(
        self, group: GroupSize, priority: Priority, deadline_s: float | None = None, client: Client = ANYONE
    ) -> None:
        """Whether a new group of that size can be queued. What is refused is refused with more segments or longer ones
        too.

        Raises:
            EngineOverloadedError: no room, or not in time; says after how many seconds what is ahead will be done.
        """
        queue = self._queues[priority]
        if not queue.has_room(self._limits, group, client):
            raise EngineOverloadedError(
                f"queue: {len(queue.entries)} segments with {queue.tokens} source tokens wait, no room for "
                f"{group.segments} with {group.tokens} (at most {self._limits.segments} and {self._limits.tokens}, and "
                f"three quarters of that for one client)",
                retry_after_s=self.retry_after_s(priority),
            )
        self._refuse_if_late(group, priority, deadline_s, client)

    def widen(self, entry_id: int, priority: Priority, deadline_s: float | None = None) -> bool:
        """One more caller wants the entry: it takes the better priority and the later deadline of the two.

        False if the entry has ended.
        """
        entry = self._find(entry_id)
        if entry is None:
            return False
        expires_s = None if deadline_s is None else self._clock() + deadline_s
        if entry.expires_s is not None and (expires_s is None or expires_s > entry.expires_s):
            entry.expires_s = expires_s
            self._watch_expiry(entry)
        if priority < entry.priority:
            waiting = self._queues[entry.priority].remove(entry_id)
            entry.priority = priority
            if waiting is not None:
                self._queues[priority].add(waiting)
        return True

    def watch(self, entry_ids: Iterable[int]) -> None:
        """Mark those of the entries that have not ended."""
        for entry_id in entry_ids:
            if (entry := self._find(entry_id)) is not None:
                entry.watched = True

    def take(self, room: Callable[[int], int]) -> list[Entry]:
        """Move to running what enters the decoder next, and return it: a run of entries of one beam size.

        room: how many more segments of a beam size the decoder can admit. The first in line is never overtaken by
        one that needs less, or a wide beam would wait for ever. Empty when nothing waits or the first does not fit.
        """
        taken: list[Entry] = []
        beam_size = limit = 0
        while (entry := self._first()) is not None:
            if not taken:
                beam_size = entry.segment.beam_size
                limit = room(beam_size)
            if len(taken) >= limit or entry.segment.beam_size != beam_size:
                break
            self._queues[entry.priority].take(entry)
            self._note_bulk(entry)
            self._running[entry.entry_id] = entry
            self._running_tokens += entry.tokens
            entry.started_s = self._clock()
            taken.append(entry)
        return taken

    def finish(self, entry_id: int) -> SegmentTimings | None:
        """A running entry has its result; the times it took, or None if it was dropped meanwhile."""
        entry = self._running.get(entry_id)
        if entry is None or entry.started_s is None:
            return None
        self.remove([entry_id])
        if entry.standing is not Standing.AGAIN:
            self._completed_tokens += entry.tokens
        now = self._clock()
        self._slot_time.record(now - entry.started_s, entry.tokens)
        first_step_s = now if entry.first_step_s is None else entry.first_step_s
        return SegmentTimings(
            queue_s=entry.started_s - entry.submitted_s,
            decode_s=now - entry.started_s,
            encode_s=entry.encode_s,
            first_step_s=first_step_s - entry.submitted_s,
        )

    def remove(self, entry_ids: Iterable[int]) -> list[Entry]:
        """Forget entries, waiting or running, without a result; returns those that were there."""
        removed = []
        for entry_id in entry_ids:
            entry = self._running.pop(entry_id, None)
            if entry is not None:
                self._running_tokens -= entry.tokens
            else:
                entry = self._remove_waiting(entry_id)
            if entry is not None:
                removed.append(entry)
        return removed

    def expire(self) -> list[Entry]:
        """Forget every entry, waiting or running, whose deadline has passed; returns them."""
        now = self._clock()
        expired: list[Entry] = []
        while self._expiries and self._expiries[0][0] <= now:
            at_s, entry_id = heapq.heappop(self._expiries)
            entry = self._find(entry_id)
            if entry is not None and entry.expires_s == at_s:  # otherwise its deadline was moved
                expired += self.remove([entry_id])
        if len(self._expiries) > 2 * (self.queued + self.running) + PAST_EXPIRIES:
            self._forget_past_expiries()
        return expired

    def clear(self) -> list[Entry]:
        """Forget everything; returns what there was, in the order of admission."""
        waiting = [entry_id for queue in self._queues.values() for entry_id in queue.entries]
        return self.remove([*self._running, *waiting])

    def note_progress(self) -> None:
        """Called once a step: what was finished since the last call was the work of the time since then."""
        now = self._clock()
        self._rate.record(self._completed_tokens, now - self._rated_until_s)
        self._completed_tokens = 0
        self._rated_until_s = now

    def retry_after_s(self, priority: Priority) -> float:
        """Seconds until what runs, and what waits before a new group of that class, is done at the measured rate."""
        ahead = sum(queue.tokens for rank, queue in self._queues.items() if rank <= priority)
        expected_s = (ahead + self._running_tokens) / max(self._rate.tokens_per_s, 1e-9)
        return min(max(expected_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S)

    def _refuse_if_late(self, group: GroupSize, priority: Priority, deadline_s: float | None, client: Client) -> None:
        """Work that would only wait until its deadline takes the place of work that can be done: under an overload
        everything would expire half done. Where nothing waits, nothing is refused, whatever it is guessed to take. What
        is done again goes first: it makes the rate of new tokens lower, in which all of this is reckoned."""
        if deadline_s is None:
            return
        ahead = sum(queue.ahead_of(client, group.tokens) for rank, queue in self._queues.items() if rank <= priority)
        done_s = (ahead + group.tokens) / max(self._rate.tokens_per_s, 1e-9) + self._slot_time.expected_s(group.longest)
        late_s = done_s - SURE_SHARE * deadline_s
        if ahead and late_s > 0:
            raise EngineOverloadedError(
                f"queue: {ahead} source tokens go first, so that this would be done after about {done_s:.1f} s; it may "
                f"take {deadline_s:.1f} s",
                retry_after_s=min(max(late_s, MIN_RETRY_AFTER_S), MAX_RETRY_AFTER_S),
            )

    def _first(self) -> Entry | None:
        interactive = self._queues[Priority.INTERACTIVE].first()
        bulk = self._queues[Priority.BULK].first()
        if interactive is None or bulk is None:
            return interactive or bulk
        return bulk if self._bulk_credit >= bulk.tokens else interactive

    def _note_bulk(self, taken: Entry) -> None:
        """Bulk earns its share of what interactive work takes while it waits, and spends it when its turn comes."""
        if not self._queues[Priority.BULK].entries:
            self._bulk_credit = 0.0
        elif taken.priority is Priority.INTERACTIVE:
            self._bulk_credit += taken.tokens / INTERACTIVE_PER_BULK
        else:
            self._bulk_credit = max(self._bulk_credit - taken.tokens, 0.0)

    def _find(self, entry_id: int) -> Entry | None:
        if entry_id in self._running:
            return self._running[entry_id]
        return next((q.entries[entry_id] for q in self._queues.values() if entry_id in q.entries), None)

    def _remove_waiting(self, entry_id: int) -> Entry | None:
        return next((entry for q in self._queues.values() if (entry := q.remove(entry_id)) is not None), None)

    def _forget_past_expiries(self) -> None:
        """A deadline may be far away, and what had it ended long ago."""
        entries = [*self._running.values(), *(entry for q in self._queues.values() for entry in q.entries.values())]
        self._expiries = [(entry.expires_s, entry.entry_id) for entry in entries if entry.expires_s is not None]
        heapq.heapify(self._expiries)

    def _watch_expiry(self, entry: Entry) -> None:
        if entry.expires_s is not None:
            heapq.heappush(self._expiries, (entry.expires_s, entry.entry_id))
