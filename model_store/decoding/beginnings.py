"""How far searches have come with their prefixes lately, for who asks for the same source again with a longer one.

What a prefix lets a hypothesis write next follows from its bytes up to the first at which no token is spelled so any
more, whatever is behind them (Spellings.fitting). As long as there is such a byte for every hypothesis, any other
prefix that begins with the bytes that were looked at leads through the same steps, bit by bit. The beam is kept as it
is before the first step that also follows from where the prefix ends.

Nothing has finished by then, since a hypothesis ends only when its prefix is written. So of a segment's options only
the source, the beam and what must not be repeated have had a part in it; the length penalty, n_best and max_length have
not, but that the search must be allowed one more step.

Legend: K beam width of the block, T steps, S source length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from model_store.decoding.kept import Kept, bytes_of
from model_store.decoding.segment import Segment
from model_store.network.memory import DecoderState


@dataclass(frozen=True)
class Beginning:
    """A slot after some steps. state: of the rows where it has a hypothesis. beams: of this slot alone, as Beams.of
    copies them."""

    state: DecoderState
    beams: Mapping[str, Tensor]

    @property
    def choices(self) -> list[tuple[list[int], list[int]]]:
        """Of each step the rows that were extended and the tokens that were chosen, K of each."""
        return list(zip(self.beams["parent"][0].tolist(), self.beams["token"][0].tolist(), strict=True))

    @property
    def steps(self) -> int:
        """T."""
        return self.beams["token"].shape[1]


class Beginnings:
    """Of one decoder. used: how many segments were given one to go on from."""

    def __init__(self, most_bytes: int) -> None:
        self.used = 0
        self.kept: Kept[tuple[tuple[int, ...], int, int, bytes], Beginning] = Kept(most_bytes)

    def of(self, segment: Segment) -> Beginning | None:
        """The longest that the segment may go on from. One that has terms too, or wants to see its search, begins
        at the start."""
        if segment.terms or segment.want_search:
            return None
        for looked in range(len(segment.prefix), 0, -1):
            found = self.kept.get(_key(segment, looked))
            if found is not None and found.steps < segment.max_length:
                self.used += 1
                return found
        return None

    def keep(self, segment: Segment, looked: int, copied: Callable[[], Beginning]) -> None:
        """Keep what the segment has come to by the first `looked` bytes of its prefix, unless it is here already."""
        key = _key(segment, looked)
        if self.kept.get(key) is None:
            beginning = copied()
            state = beginning.state
            self.kept.put(key, beginning, bytes_of((state.hidden, state.feed, *beginning.beams.values())))


def _key(segment: Segment, looked: int) -> tuple[tuple[int, ...], int, int, bytes]:
    return segment.source, segment.beam_size, segment.no_repeat_ngram, segment.prefix[:looked]
