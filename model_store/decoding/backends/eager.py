"""The network as it is, in torch, with every matrix product in a fixed shape.

A GEMM's last bits depend on its shape: the kernel, its blocking and its threads follow the number of rows. So sources
are always encoded ENCODE_ROWS at a time, position by position, and padded to the source capacity; steps come in the
fixed shape of a block. The tests show that a row then depends neither on its neighbours nor on its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model_store.errors import SegmentError
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq, Step

ENCODE_ROWS = 8


class EagerBackend:
    """Implements Backend. source_capacity: tokens; memory is reserved for it in every slot."""

    def __init__(self, network: Seq2Seq, *, source_capacity: int) -> None:
        config = network.config
        if config.bounded_positions and source_capacity > config.positions:
            raise SegmentError(
                f"source_capacity: {source_capacity} tokens is more than the network's table of positions holds; "
                f"allowed: 1..{config.positions}"
            )
        self.network = network.eval().requires_grad_(False)
        self.vocabulary = config.vocabulary
        self.source_capacity = source_capacity
        self.target_limit = config.positions if config.bounded_positions else None
        self.has_attention = network.decoder.attention is not None
        self._like = network.projection.weight.detach()

    def encode(self, sources: Sequence[Sequence[int]]) -> tuple[Memory, DecoderState]:
        by_length = sorted(range(len(sources)), key=lambda index: len(sources[index]))
        memory, state = self.empty(len(sources), 1)
        for start in range(0, len(sources), ENCODE_ROWS):
            chosen = by_length[start : start + ENCODE_ROWS]
            part, first = self._encode_rows([sources[index] for index in chosen])
            place = torch.tensor(chosen, device=self._like.device)
            rows = torch.arange(len(chosen), device=self._like.device)
            for whole, piece in ((memory.keys, part.keys), (memory.values, part.values), (memory.mask, part.mask)):
                whole[place] = piece[rows]
            state.hidden[:, :, place] = first.hidden[:, :, rows]
        return memory, state

    def _encode_rows(self, sources: list[Sequence[int]]) -> tuple[Memory, DecoderState]:
        """At most ENCODE_ROWS sources, filled up with one-token ones."""
        rows = sources + [[0]] * (ENCODE_ROWS - len(sources))
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.zeros(ENCODE_ROWS, self.source_capacity, dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        return self.network.encode(ids.to(self._like.device), lengths, fused=False)

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        config, like, rows = self.network.config, self._like, slots * width
        keys, values = (like.new_zeros(slots, self.source_capacity, config.hidden) for _ in range(2))
        mask = torch.zeros(slots, self.source_capacity, dtype=torch.bool, device=like.device)
        mask[:, 0] = True  # a softmax over nothing would be NaN
        layers, tensors, hidden = self.network.decoder.stack.state_shape
        return Memory(keys, values, mask), self.network.decoder.first_state(
            like.new_zeros(layers, tensors, rows, hidden)
        )

    def step(self, tokens: Tensor, memory: Memory, state: DecoderState, positions: Tensor) -> Step:
        return self.network.step(tokens, memory, state, positions)
