"""What waits for a slot in one priority class: entries, their order, and the bounds of the queue."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.engine.segment import Priority

if TYPE_CHECKING:
    from model_store.decoding.segment import Segment


@dataclass(frozen=True)
class QueueLimits:
    """What may wait, per priority class: segments, and source tokens."""

    segments: int
    tokens: int


@dataclass(slots=True)
class Entry:
    """A segment in the scheduler's hands. Times are the scheduler's clock, in seconds."""

    entry_id: int
    segment: Segment
    priority: Priority
    submitted_s: float
    expires_s: float | None
    started_s: float | None = None
    first_step_s: float | None = None

    @property
    def tokens(self) -> int:
        """Source tokens: the measure of its work."""
        return len(self.segment.source)


class Queue:
    """What waits in one priority class: arrival order, removal anywhere, counted in segments and source tokens."""

    def __init__(self) -> None:
        self.entries: OrderedDict[int, Entry] = OrderedDict()
        self.tokens = 0

    def add(self, entry: Entry) -> None:
        """Put the entry last."""
        self.entries[entry.entry_id] = entry
        self.tokens += entry.tokens

    def remove(self, entry_id: int) -> Entry | None:
        """Take the entry out, wherever it stands; None if it is not here."""
        entry = self.entries.pop(entry_id, None)
        if entry is not None:
            self.tokens -= entry.tokens
        return entry

    def has_room(self, limits: QueueLimits, segments: int, tokens: int) -> bool:
        """Whether a group fits.

        A group asks for at most half of the queue, however large it is: so a long text finds room as soon as the queue
        is half empty, and is never unservable merely because it is long. What waits is bounded by the limits, or by
        half of them and the one large group.
        """
        return (
            len(self.entries) + min(segments, (limits.segments + 1) // 2) <= limits.segments
            and self.tokens + min(tokens, (limits.tokens + 1) // 2) <= limits.tokens
        )
