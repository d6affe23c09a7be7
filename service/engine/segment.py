"""What callers give the engine with a segment, and what they get back for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the scheduler reads this module and stays free of torch
    from model_store.decoding.segment import Hypothesis

ResultSource = Literal["decoded", "shared", "cache"]


class Priority(IntEnum):
    """Class of a segment: a lower value goes first; the other gets a small share, so that it does not starve."""

    INTERACTIVE = 0
    BULK = 1


class Standing(Enum):
    """What is done already of the request that a group of segments belongs to.

    NEW: nothing, so that it may be refused. UNDERWAY: a part, so that the rest is not refused but takes its turn.
    AGAIN: the same once, which was not good enough, so that it is not refused either, and goes before all that waits
    in its class. A request has one group in the engine at a time: what is not refused is bounded by what was let in.
    """

    NEW = "new"
    UNDERWAY = "underway"
    AGAIN = "again"


@dataclass(frozen=True)
class Client:
    """Who segments are decoded for, as far as sharing a full engine goes. name: the same for all requests of one; the
    empty one is nobody in particular. weight: its share, against 1 of everyone else."""

    name: str = ""
    weight: float = 1.0


ANYONE = Client()


@dataclass(frozen=True)
class SegmentTimings:
    """Where a segment's time went; all zero for one that came from the cache.

    queue_s: from submission until a slot was given. decode_s: from then until its result, encoding included.
    encode_s: the part of decode_s until it was encoded, with all that it was admitted with, steps of others between.
    first_step_s: from submission until its first step was done, which is when the first token of its beam is known.
    steps: decoder steps that it was live for. A segment that joined one in flight has the timings of that one.
    """

    queue_s: float = 0.0
    decode_s: float = 0.0
    encode_s: float = 0.0
    steps: int = 0
    first_step_s: float = 0.0

    @property
    def total_s(self) -> float:
        """From submission until its result."""
        return self.queue_s + self.decode_s


NO_TIMINGS = SegmentTimings()


@dataclass(frozen=True)
class SegmentResult:
    """The answer to one segment.

    hypotheses: best first, n_best of them. source: whether it was decoded for this caller, shared with an identical
    segment that was in flight, or taken from the cache of exact results.
    """

    hypotheses: tuple[Hypothesis, ...]
    timings: SegmentTimings
    source: ResultSource
