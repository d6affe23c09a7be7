"""What waits for a slot in one priority class: entries, their order, and the bounds of the queue."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.engine.segment import ANYONE, Client, Priority, Standing

if TYPE_CHECKING:
    from model_store.decoding.segment import Segment


@dataclass(frozen=True)
class QueueLimits:
    """What may wait, per priority class: segments, and source tokens."""

    segments: int
    tokens: int


@dataclass(frozen=True)
class GroupSize:
    """Of a group of segments, or what it has at least: segments, source tokens, those of the longest segment."""

    segments: int
    tokens: int
    longest: int


@dataclass(slots=True)
class Entry:
    """A segment in the scheduler's hands. Times are the scheduler's clock, in seconds. watched: somebody wants to know
    what is settled of its result while it runs."""

    entry_id: int
    segment: Segment
    priority: Priority
    submitted_s: float
    expires_s: float | None
    started_s: float | None = None
    first_step_s: float | None = None
    encode_s: float = 0.0
    client: Client = ANYONE
    watched: bool = False
    standing: Standing = Standing.NEW

    @property
    def tokens(self) -> int:
        """Source tokens: the measure of its work."""
        return len(self.segment.source)


class Queue:
    """What waits in one priority class, counted in segments and source tokens; each client's in order of arrival.

    The client that has had the least so far is next, which is fair in tokens, whoever sends how many requests: the
    virtual token counter of Sheng et al., "Fairness in Serving Large Language Models" (2024). A client that comes back
    starts from the least of those who wait, so that nobody saves up a claim by staying away.
    """

    def __init__(self) -> None:
        self.entries: OrderedDict[int, Entry] = OrderedDict()
        self.tokens = 0
        self._again: OrderedDict[int, Entry] = OrderedDict()
        self._flows: dict[str, OrderedDict[int, Entry]] = {}
        self._flow_tokens: Counter[str] = Counter()
        self._spent: dict[str, float] = {}

    def add(self, entry: Entry) -> None:
        """Put the entry last of its client's; what is done again, behind that of all clients only."""
        self.entries[entry.entry_id] = entry
        self.tokens += entry.tokens
        if entry.standing is Standing.AGAIN:
            self._again[entry.entry_id] = entry
            return
        name = entry.client.name
        if name not in self._flows:
            floor = min((self._spent[other] for other in self._flows), default=math.inf)
            # Who is below the floor and away is forgotten, since it would start from there anyway; all, if none waits.
            self._spent = {n: spent for n, spent in self._spent.items() if n in self._flows or spent > floor}
            self._spent[name] = max(self._spent.get(name, 0.0), 0.0 if math.isinf(floor) else floor)
            self._flows[name] = OrderedDict()
        self._flows[name][entry.entry_id] = entry
        self._flow_tokens[name] += entry.tokens

    def first(self) -> Entry | None:
        """What goes next; the same one until it is taken or removed."""
        if self._again:
            return next(iter(self._again.values()))
        heads = [(self._spent[name], next(iter(flow.values()))) for name, flow in self._flows.items()]
        return min(heads, key=lambda head: (head[0], head[1].entry_id))[1] if heads else None

    def take(self, entry: Entry) -> None:
        """The entry goes into the decoder: take it out, and put its tokens down to its client."""
        self.remove(entry.entry_id)
        name = entry.client.name
        self._spent[name] = self._spent.get(name, 0.0) + entry.tokens / entry.client.weight

    def remove(self, entry_id: int) -> Entry | None:
        """Take the entry out, wherever it stands; None if it is not here."""
        entry = self.entries.pop(entry_id, None)
        if entry is not None:
            self.tokens -= entry.tokens
            if self._again.pop(entry_id, None) is not None:
                return entry
            name = entry.client.name
            del self._flows[name][entry_id]
            self._flow_tokens[name] -= entry.tokens
            if not self._flows[name]:
                del self._flows[name], self._flow_tokens[name]
        return entry

    def has_room(self, limits: QueueLimits, group: GroupSize, client: Client) -> bool:
        """Whether a group fits.

        A group asks for at most half of the queue, however large it is: so a long text finds room as soon as the queue
        is half empty, and is never unservable merely because it is long. What waits is bounded by the limits, or by
        half of them and the one large group. A named client gets three quarters: there is room for others then.
        """
        if client.name:
            own = len(self._flows.get(client.name, ()))
            share = QueueLimits(_most_of_one(limits.segments), _most_of_one(limits.tokens))
            if not _fits(share, own, self._flow_tokens[client.name], group):
                return False
        return _fits(limits, len(self.entries), self.tokens, group)

    def ahead_of(self, client: Client, tokens: int) -> int:
        """New tokens that will be taken before the last of a new group of so many: the client's own, and as many of
        each other client as it has by then had itself."""
        own = self._flow_tokens[client.name]
        others = (held for name, held in self._flow_tokens.items() if name != client.name)
        return own + sum(min(held, own + tokens) for held in others)


def _fits(limits: QueueLimits, held: int, held_tokens: int, group: GroupSize) -> bool:
    return (
        held + min(group.segments, (limits.segments + 1) // 2) <= limits.segments
        and held_tokens + min(group.tokens, (limits.tokens + 1) // 2) <= limits.tokens
    )


def _most_of_one(limit: int) -> int:
    return limit - limit // 4
