"""The network as it is, in torch, with every matrix product in a fixed shape.

A GEMM's last bits depend on its shape: the kernel, its blocking and its threads follow the number of rows. So sources
are always encoded ENCODE_ROWS at a time, position by position, and padded to the source capacity; steps run STEP_ROWS
hypotheses at a time, filled up with copies. Where a slot has few queries its product with keys is one of vectors, whose
last bits follow where in memory rows begin: so it has some more unless all rows begin alike. The tests show that a row
then depends neither on its neighbours nor on its place.

Legend: N slots, K beam width, S source length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce

import torch
from torch import Tensor

from model_store.config import NetworkConfig
from model_store.decoding.backends.forced import stepped_log_probs
from model_store.decoding.backends.protocol import Encoding, Readout, Rows
from model_store.decoding.scoring import best_among, best_extensions
from model_store.errors import SegmentError
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq

ENCODE_ROWS = 8
STEP_ROWS = 32
FEWEST_QUERIES, ALIKE = 4, 4  # a slot; rows of a multiple of so many numbers all begin alike


def check_capacity(config: NetworkConfig, source_capacity: int) -> None:
    """Raises SegmentError if the network cannot read sources of so many tokens."""
    if config.bounded_positions and source_capacity > config.positions:
        raise SegmentError(
            f"source_capacity: {source_capacity} tokens is more than the network's table of positions holds; "
            f"allowed: 1..{config.positions}"
        )


def copies_of_queries(width: int, hidden: int) -> int:
    """How often attention has to see each of a slot's `width` queries, of `hidden` numbers, to compute them alike in
    every slot."""
    return max(FEWEST_QUERIES // width, 1) if hidden % ALIKE else 1


class EagerBackend:
    """Implements Backend. source_capacity: tokens; memory is reserved for it in every slot."""

    on_device = False

    def __init__(self, network: Seq2Seq, *, source_capacity: int) -> None:
        config = network.config
        check_capacity(config, source_capacity)
        self.network = network.eval().requires_grad_(False)
        self.vocabulary = config.vocabulary
        self.source_capacity = source_capacity
        self.target_limit = config.positions if config.bounded_positions else None
        self.has_attention = network.decoder.attention is not None
        self._like = network.projection.weight.detach()

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        """A part is ENCODE_ROWS sources, however many rows a step has."""
        by_length = sorted(range(len(sources)), key=lambda index: len(sources[index]))
        memory, state = self.empty(len(sources), 1)
        for start in range(0, len(sources), ENCODE_ROWS):
            if start:
                yield
            chosen = by_length[start : start + ENCODE_ROWS]
            part, first = self._encode_rows([sources[index] for index in chosen])
            place = torch.tensor(chosen, device=self._like.device)
            own = torch.arange(len(chosen), device=self._like.device)
            for whole, piece in ((memory.keys, part.keys), (memory.values, part.values), (memory.mask, part.mask)):
                whole[place] = piece[own]
            state.hidden[:, :, place] = first.hidden[:, :, own]
        return memory, state

    def _encode_rows(self, sources: list[Sequence[int]]) -> tuple[Memory, DecoderState]:
        """At most ENCODE_ROWS sources, filled up with one-token ones."""
        rows = sources + [[0]] * (ENCODE_ROWS - len(sources))
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.zeros(ENCODE_ROWS, self.source_capacity, dtype=torch.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        return self.network.encode(ids.to(self._like.device), lengths, fused=False)

    def target_log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        return stepped_log_probs(self, sources, targets)

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        config, like, rows = self.network.config, self._like, slots * width
        keys, values = (like.new_zeros(slots, self.source_capacity, config.hidden) for _ in range(2))
        mask = torch.zeros(slots, self.source_capacity, dtype=torch.bool, device=like.device)
        mask[:, 0] = True  # a softmax over nothing would be NaN
        layers, tensors, hidden = self.network.decoder.stack.state_shape
        return Memory(keys, values, mask), self.network.decoder.first_state(
            like.new_zeros(layers, tensors, rows, hidden)
        )

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        return [self._step_block(block) for block in blocks]

    def _step_block(self, block: Rows) -> Readout:
        if block.rows is None:
            copies = copies_of_queries(block.tokens.shape[1], self.network.config.hidden)
            return self._step(block) if copies == 1 or self.on_device else self._step_copies(block, copies)
        readout = self._step_block(
            replace(block, state=block.state.spread(block.rows, block.tokens.numel()), rows=None)
        )
        return replace(readout, state=readout.state.rows(block.rows))

    def _step_copies(self, block: Rows, copies: int) -> Readout:
        """One step of a block whose rows all are there, each of them so many times."""
        row = torch.arange(block.tokens.numel(), device=block.tokens.device).view(block.tokens.shape)
        many = block.state.rows(row.repeat(1, copies).flatten())
        step = self._step(replace(block, tokens=block.tokens.repeat(1, copies), state=many))
        width = row.shape[1]
        first = (row // width * width * copies + row % width).flatten()
        weights = None if step.weights is None else step.weights[:, :width]
        return Readout(step.readout[:, :width], weights, step.state.rows(first))

    def _step(self, block: Rows) -> Readout:
        """One step of a block whose rows all are there."""
        tokens, memory, state, positions = block.tokens, block.memory, block.state, block.positions
        slots, width = tokens.shape
        readouts: list[Tensor] = []
        weights: list[Tensor] = []
        states: list[DecoderState] = []
        for chosen in _parts(slots, width, tokens.device):
            rows = (chosen.unsqueeze(1) * width + torch.arange(width, device=chosen.device)).flatten()
            part = self._whole_memory(memory, chosen)
            embedded = self.network.target_embedding(tokens[chosen])
            readout, weight, after = self.network.decoder.step(embedded, part, state.rows(rows), positions[chosen])
            readouts.append(readout)
            weights += [] if weight is None else [weight]
            states.append(after)
        joined = reduce(DecoderState.joined, states)
        return Readout(
            torch.cat(readouts)[:slots],
            torch.cat(weights)[:slots] if weights else None,
            joined.rows(torch.arange(slots * width, device=tokens.device)),
        )

    def logits(self, readout: Tensor) -> Tensor:
        slots, width, _readout = readout.shape
        parts = [self.network.projection(readout[chosen]) for chosen in _parts(slots, width, readout.device)]
        return torch.cat(parts)[:slots]

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        return best_extensions(logits, log_prob, forbidden, count)

    def best_of_all(
        self, readout: Tensor, log_prob: Tensor, forbidden: Tensor, count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        return self.best(self.logits(readout), log_prob, forbidden, count)

    def best_among(
        self,
        candidates: Sequence[Tensor],
        barred: Sequence[tuple[int, int, int]],
        readout: Tensor,
        log_prob: Tensor,
        count: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        return best_among(candidates, barred, self.logits(readout), log_prob, count)

    def _whole_memory(self, memory: Memory, chosen: Tensor) -> Memory:
        """The chosen slots' memory, padded to the source capacity."""
        whole, _state = self.empty(len(chosen), 1)
        length = memory.mask.shape[1]
        whole.keys[:, :length], whole.values[:, :length] = memory.keys[chosen], memory.values[chosen]
        whole.mask[:, :length] = memory.mask[chosen]
        return whole


def _parts(slots: int, width: int, device: torch.device) -> Iterator[Tensor]:
    """The slots in groups of STEP_ROWS rows, the last one filled up with its last slot."""
    together = max(STEP_ROWS // width, 1)
    for start in range(0, slots, together):
        yield torch.arange(start, start + together, device=device).clamp(max=slots - 1)
