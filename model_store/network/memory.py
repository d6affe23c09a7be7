"""What the encoder leaves for the decoder: the source as attention reads it, and the decoder's first state.

Legend: B batch, S source length, L layers, C state tensors a layer, H hidden, R readout width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Memory:
    """The source as attention reads it, in original source order whatever the encoder's direction.

    keys, values: shape = (B, S, H). mask: bool, shape = (B, S), True where there is a token.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor

    def of(self, sources: int, longest: int) -> Memory:
        """The first `sources` of them, none of which is longer than `longest`: views, shape = (sources, S', ...).

        S' is `longest` rounded up to a multiple of 16, so that sums over it are made in the same order whatever it is.
        """
        length = min(-(-longest // 16) * 16, self.mask.shape[1])
        return Memory(*(tensor[:sources, :length] for tensor in (self.keys, self.values, self.mask)))

    def joined(self, other: Memory) -> Memory:
        """The sources of both, those of `other` last; S is the same."""
        return Memory(
            torch.cat((self.keys, other.keys)),
            torch.cat((self.values, other.values)),
            torch.cat((self.mask, other.mask)),
        )


@dataclass(frozen=True)
class DecoderState:
    """All that a hypothesis carries from step to step: constant in size, which is what in-flight batching rests on.

    hidden: shape = (L, C, B, H). feed: the last attentional vector, shape = (B, R); None without input feeding.
    """

    hidden: Tensor
    feed: Tensor | None = None

    def rows(self, index: Tensor) -> DecoderState:
        """The state of the rows in `index` (int64, shape = (B',)), in that order."""
        return DecoderState(
            self.hidden.index_select(2, index), None if self.feed is None else self.feed.index_select(0, index)
        )

    def spread(self, places: Tensor, rows: int) -> DecoderState:
        """The rows at these places (int64, shape = (B,)) among so many, the rest of which are copies of the first."""
        index = places.new_zeros(rows).index_copy_(0, places, torch.arange(len(places), device=places.device))
        return self.rows(index)

    def joined(self, other: DecoderState) -> DecoderState:
        """The rows of both, those of `other` last."""
        feed = None if self.feed is None or other.feed is None else torch.cat((self.feed, other.feed))
        return DecoderState(torch.cat((self.hidden, other.hidden), dim=2), feed)

    def split(self, rows: Sequence[int]) -> list[DecoderState]:
        """The inverse: of the first so many rows, of so many behind them, and so on; views."""
        feeds = [None] * len(rows) if self.feed is None else torch.split(self.feed, list(rows))
        return [DecoderState(*each) for each in zip(torch.split(self.hidden, list(rows), dim=2), feeds, strict=True)]

    def put(self, state: DecoderState, rows: Tensor | slice) -> None:
        """Let these rows be those of `state`."""
        self.hidden[:, :, rows] = state.hidden
        if self.feed is not None and state.feed is not None:
            self.feed[rows] = state.feed
