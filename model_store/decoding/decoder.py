"""What an engine, or whoever has texts to decode, needs of a decoder: the border between scheduling and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from model_store.decoding.segment import Hypothesis, Segment, StepDone


class Decoder(Protocol):
    """Slots that segments enter at any step. Used by one thread only, but for `check`.

    Each call either does what it says or raises and leaves the segments that were live before as they were; after
    `step` or `collect` has raised, the decoder is thrown away.
    """

    @property
    def max_rows(self) -> int:
        """Hypotheses that step at once, when all slots are taken."""

    def check(self, segment: Segment) -> None:
        """Raise SegmentError if this decoder can never take the segment. Reads nothing that changes, so that it may
        be called from any thread."""

    @property
    def live(self) -> int:
        """Segments that hold a slot now, or are encoded and wait for one, or are being encoded, or ranked."""

    @property
    def encoding(self) -> frozenset[int]:
        """Tickets of the segments that are being encoded, part by part beside the steps of others."""

    @property
    def continued(self) -> int:
        """Segments so far that went on from where an earlier one with the beginning of their prefix had come to."""

    def room(self, beam_size: int) -> int:
        """How many more segments of that beam can be admitted now."""

    def admit(self, segments: Sequence[Segment]) -> list[int]:
        """Encode the segments, at once or in parts while others run, and give them slots beside those as soon as some
        are free; returns a ticket for each, in order."""

    def step(self) -> Sequence[StepDone]:
        """One decoding step of what has a slot, and a part of what is to be encoded. Of a decoder in several processes,
        which go on by themselves: waits until one of them has done a step. Says which steps were done."""

    def wake(self) -> None:
        """Have a `step` that waits return, since there is news; from any thread."""

    def steps(self, ticket: int) -> int:
        """How many steps were done so far where the ticket's segment is, or was."""

    def collect(self) -> list[tuple[int, tuple[Hypothesis, ...]]]:
        """Tickets and results of what finished since the last call; their slots are free."""

    def settled(self, ticket: int) -> tuple[int, ...]:
        """The tokens that the result of a live segment is sure to begin with; none for a ticket that is unknown."""

    def cancel(self, ticket: int) -> None:
        """Free the slot without a result; a ticket that is unknown or has finished is ignored."""
