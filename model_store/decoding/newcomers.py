"""Segments that were admitted and have no slot yet: on their way through the encoder, then waiting, first come first.

They are encoded in parts between steps, so that the segments that are live keep their pace, however many come and
however long they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from model_store.decoding.encodings import Encoded, Encodings
from model_store.decoding.occupant import Occupant
from model_store.decoding.segment import Segment
from model_store.network.memory import DecoderState, Memory


@dataclass(frozen=True)
class _Admitted:
    """Segments that were admitted together. encoding: gives that of each, part after part. tokens: of a part."""

    occupants: Sequence[Occupant]
    tokens: int
    encoding: Generator[None, None, list[Encoded]]


@dataclass(frozen=True)
class Waiting:
    """A segment that waits for its slot. memory, state: of all that were encoded with it, where it is number `row`."""

    occupant: Occupant
    memory: Memory
    state: DecoderState
    row: int

    @property
    def width(self) -> int:
        """Rows that its slot has."""
        return width_of(self.occupant.segment.beam_size)


def width_of(beam_size: int) -> int:
    """Rows that a slot has: the beam rounded up to a power of two."""
    return 1 << (beam_size - 1).bit_length()


class Newcomers:
    """waiting: those who are encoded, whoever came first first. tokens: that are encoded from step to step."""

    def __init__(self, encodings: Encodings, tokens: int) -> None:
        self.encodings = encodings
        self.tokens = tokens
        self.waiting: deque[Waiting] = deque()
        self._admitted: deque[_Admitted] = deque()
        self._encoded_tokens = 0  # since the last step

    def __len__(self) -> int:
        return len(self.waiting) + len(self.unread)

    @property
    def first(self) -> Sequence[Occupant]:
        """Those who are encoded next; none if nobody is."""
        return self._admitted[0].occupants if self._admitted else ()

    @property
    def groups(self) -> int:
        """How many groups are being encoded, each of those that were admitted together."""
        return len(self._admitted)

    @property
    def unread(self) -> list[Occupant]:
        """Those who are being encoded."""
        return [each for admitted in self._admitted for each in admitted.occupants if not each.cancelled]

    def add(self, occupants: Sequence[Occupant], *, alone: bool) -> None:
        """They come last. alone: nobody steps meanwhile, so that all of them can be encoded at once."""
        segments = [occupant.segment for occupant in occupants]
        tokens = sum(len(segment.source) for segment in segments)
        part = tokens if alone else min(self.tokens, tokens)
        self._admitted.append(_Admitted(occupants, part, self.encodings.of(segments, part)))

    def encode(self, *, alone: bool) -> bool:
        """Encode a part of those who came first, unless that would be too much for one step; whether that was done.

        alone: nobody steps meanwhile, so that it is never too much. If encoding raises, those who were admitted with
        them are gone.
        """
        if not self._admitted or (not alone and self._encoded_tokens >= self.tokens):
            return False
        first = self._admitted[0]
        self._encoded_tokens += first.tokens
        try:
            next(first.encoding)
        except StopIteration as end:
            self._admitted.popleft()
            pairs = zip(first.occupants, end.value, strict=True)
            self.waiting += (Waiting(occupant, *each) for occupant, each in pairs if not occupant.cancelled)
        except BaseException:
            self._admitted.popleft()
            raise
        return True

    def go_on(self) -> None:
        """The next step may have as much encoded beside it."""
        self._encoded_tokens = 0

    def without_slot(self, free_rows: int, more: Sequence[Segment]) -> int:
        """How many have to wait for a slot until others leave, if these segments came in too."""
        there = [each.occupant for each in self.waiting] + self.unread
        widths = [width_of(segment.beam_size) for segment in (*(each.segment for each in there), *more)]
        return sum(rows > free_rows for rows in accumulate(widths))

    def cancel(self, ticket: int) -> None:
        """Forget one, if it is here."""
        self.waiting = deque(each for each in self.waiting if each.occupant.ticket != ticket)
        for occupant in self.unread:
            occupant.cancelled |= occupant.ticket == ticket
        wanted = (each for each in self._admitted if not all(occupant.cancelled for occupant in each.occupants))
        self._admitted = deque(wanted)
