"""What the encoder has made of sources lately, for who asks for the same source again: with a prefix, key after key.

A source's encoding does not depend on those that it was encoded with, so one that was kept is bit by bit what encoding
it again would give. Of a segment without a prefix nothing is kept.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import torch

from model_store.decoding.backends.protocol import Backend
from model_store.decoding.kept import Kept, bytes_of
from model_store.decoding.segment import Segment
from model_store.network.memory import DecoderState, Memory

# As many of the longest sources take the room that there is.
KEPT_SOURCES = 16

# Memory and state of several sources, and which of them one is.
Encoded = tuple[Memory, DecoderState, int]


class Encodings:
    """Encodes for one decoder. most_bytes: of what is kept."""

    def __init__(self, backend: Backend, most_bytes: int | None = None) -> None:
        self._backend = backend
        most_bytes = KEPT_SOURCES * _bytes(*backend.empty(1, 1)) if most_bytes is None else most_bytes
        self.kept: Kept[tuple[int, ...], tuple[Memory, DecoderState]] = Kept(most_bytes)

    def of(self, segments: Sequence[Segment], rows: int) -> Generator[None, None, list[Encoded]]:
        """The encoding of each segment's source, in parts as Backend.encode."""
        kept = [self.kept.get(segment.source) if segment.prefix else None for segment in segments]
        new = [index for index, each in enumerate(kept) if each is None]
        encoded: dict[int, Encoded] = {}
        if new:
            memory, state = yield from self._backend.encode([segments[index].source for index in new], rows)
            encoded = {index: (memory, state, row) for row, index in enumerate(new)}
            for index in new:
                if segments[index].prefix:
                    self._keep(segments[index].source, *encoded[index])
        return [encoded[index] if each is None else (*each, 0) for index, each in enumerate(kept)]

    def _keep(self, source: tuple[int, ...], memory: Memory, state: DecoderState, row: int) -> None:
        length = len(source)
        alone = Memory(*(each[row : row + 1, :length].clone() for each in (memory.keys, memory.values, memory.mask)))
        first = state.rows(torch.tensor([row], device=state.hidden.device))
        self.kept.put(source, (alone, first), _bytes(alone, first))


def _bytes(memory: Memory, state: DecoderState) -> int:
    return bytes_of((memory.keys, memory.values, memory.mask, state.hidden, state.feed))
