"""The network on a CPU in 8-bit integers: several times faster than float32, and rows that do not depend on how many.

Its layers are one of two sets of kernels: compiled ones, for the vector instructions of the processor, or torch's.

Legend: R rows, B sources, N slots, K beam width, S source length, P tokens of all sources, E inputs, H hidden, W a
window of embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from model_store.config import NetworkConfig
from model_store.decoding.backends import int8_linear, simd
from model_store.decoding.backends.forced import encoded, stepped_log_probs, token_log_probs
from model_store.decoding.backends.int8_kernels import Kernels, Linear, TorchKernels, chosen, spread
from model_store.decoding.backends.protocol import Encoding, Readout, Rows
from model_store.decoding.backends.threads import Threads
from model_store.network.attention import Attention, GeneralAttention, PositionalAttention
from model_store.network.encoder import DirectedEncoder
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq


def unsupported(config: NetworkConfig) -> str | None:
    """Why a network of this kind cannot run here, in words for a log line; None if it can."""
    if config.cell != "lstm":
        return f"cell {config.cell!r}"
    if config.encoder.kind != "recurrent" or config.encoder.direction == "bidirectional":
        return f"encoder {config.encoder.kind!r}, direction {config.encoder.direction!r}"
    if config.attention == "additive":
        return "attention 'additive'"
    return None if simd.available() or int8_linear.is_exact() else "no exact 8-bit kernel on this machine"


def best_kernels(threads: Threads | None = None) -> Kernels:
    """The fastest that this machine runs. threads: as of simd.open_kernels; torch's kernels have torch's own."""
    return simd.open_kernels(threads) if simd.available() else TorchKernels()


@dataclass(frozen=True)
class _Packed:
    """Sequences of ids, longest first, at each position those that are not over yet: no row is padding.

    ids: padded, shape = (B, S). mask: where they are, bool, shape = (B, S). lengths: shape = (B,). order: of the
    sequences, longest first, shape = (B,). live: how many there are at each position. sequence, time: which of them,
    and which place in it, comes when position is read after position, shape = (P,).
    """

    ids: Tensor
    mask: Tensor
    lengths: Tensor
    order: Tensor
    live: list[int]
    sequence: Tensor
    time: Tensor

    @classmethod
    def of(cls, sequences: Sequence[Sequence[int]]) -> _Packed:
        lengths = torch.tensor([len(each) for each in sequences])
        ordered, order = lengths.sort(descending=True, stable=True)
        live = (torch.arange(int(ordered[0])).unsqueeze(1) < ordered).sum(dim=1).tolist()
        mask = torch.arange(len(live)) < lengths.unsqueeze(1)
        ids = torch.zeros(mask.shape, dtype=torch.int64)
        ids[mask] = torch.tensor([token for each in sequences for token in each])
        sequence = torch.cat([order[:count] for count in live])
        time = torch.arange(len(live)).repeat_interleave(torch.tensor(live))
        return cls(ids, mask, lengths, order, live, sequence, time)


class Int8Backend:
    """Implements Backend for the networks that `unsupported` lets pass. source_capacity: tokens."""

    on_device = False

    def __init__(self, network: Seq2Seq, *, source_capacity: int, kernels: Kernels | None = None) -> None:
        kernels = kernels or best_kernels()
        config, decoder = network.config, network.decoder
        assert isinstance(network.encoder, DirectedEncoder)
        self.vocabulary = config.vocabulary
        self.source_capacity = source_capacity
        self.target_limit = config.positions if config.bounded_positions else None
        self._hidden, self._layers = config.hidden, config.layers
        self._reverse = network.encoder.reverse
        self._encoder = kernels.stack(network.encoder.stack, network.source_embedding.weight.detach())
        self._decoder = kernels.stack(decoder.stack, network.target_embedding.weight.detach())
        self._attention = None if decoder.attention is None else kernels.attention(decoder.attention)
        self._by_position = isinstance(decoder.attention, PositionalAttention)
        self._keys = _keys_of(decoder.attention, kernels)
        self._of_window = None if decoder.of_window is None else kernels.linear(decoder.of_window.weight)
        self._window = config.embedding_window
        self._source_embedding = network.source_embedding.weight.detach()
        self._combine = kernels.linear(decoder.combine.weight, squash=True)
        self._fed = config.readout if decoder.input_feeding else 0
        self._projection = kernels.projection(network.projection.weight, network.projection.bias)

    @property
    def has_attention(self) -> bool:
        return self._attention is not None

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        """All sources, longest first, without padding. A part is `rows` tokens, and one position of each source at
        least; a token costs about half of a step's row."""
        packed = _Packed.of(sources)
        live, source, mask = packed.live, packed.sequence, packed.mask
        position = packed.lengths[source] - 1 - packed.time if self._reverse else packed.time
        ordered_ids = packed.ids[source, position]
        state = torch.zeros(self._layers, 2, len(sources), self._hidden)
        values = torch.zeros(*mask.shape, self._hidden)
        alike = self._keys is None and self._of_window is None
        keys = values if alike else torch.zeros_like(values)
        start = first = 0  # token and position
        while first < len(live):
            if first:
                yield
            part = live[first : first + max(rows // live[first], 1)]
            tokens, here = slice(start, start + sum(part)), slice(part[0])
            outputs, state[:, :, here] = self._encoder.sequence(ordered_ids[tokens], part, state[:, :, here])
            at = source[tokens], position[tokens]
            values[at] = outputs
            if self._of_window is not None:
                values[at] += self._of_window(self._around(packed, *at))
            if not alike:
                keys[at] = outputs if self._keys is None else self._keys(outputs)
            start, first = tokens.stop, first + len(part)
        by_source = torch.empty_like(packed.order)
        by_source[packed.order] = torch.arange(len(sources))
        return Memory(keys, values, mask), self._first_state(state.index_select(2, by_source))

    def _around(self, packed: _Packed, sequence: Tensor, position: Tensor) -> Tensor:
        """The embeddings of the tokens around some, shape = (P, W * E), zeros where there is none.

        sequence, position: which of the sources, and which place in it, shape = (P,)."""
        places = position.unsqueeze(1) + torch.arange(self._window) - self._window // 2  # (P, W)
        ids = packed.ids[sequence.unsqueeze(1), places.clamp(0, packed.ids.shape[1] - 1)]
        there = (places >= 0) & (places < packed.lengths[sequence].unsqueeze(1))
        return (self._source_embedding[ids] * there.unsqueeze(2)).flatten(1)

    def target_log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        """All positions of a layer at once, as the encoder does; but where a step reads what the one before has found,
        or attends by its position."""
        if self._fed or self._by_position:
            return stepped_log_probs(self, sources, targets)
        memory, state = encoded(self.encode(sources, sum(map(len, sources))))
        packed = _Packed.of([target[:-1] for target in targets])
        told = packed.ids[packed.sequence, packed.time]
        x, _last = self._decoder.sequence(told, packed.live, state.hidden.index_select(2, packed.order))
        longest = len(packed.live)
        rows, by_target = (packed.sequence * longest + packed.time).sort()  # (P,), target after target
        x = x[by_target]
        if self._attention is not None:
            whole = None if len(rows) == len(targets) * longest else rows
            positions = torch.zeros(len(targets), dtype=torch.int64)
            context, _weights = self._attention(x, whole, memory, positions, longest)
            x = torch.cat((context, x), dim=1)
        wanted = torch.tensor([token for target in targets for token in target[1:]])
        found = token_log_probs(self, self._combine(x), wanted)
        return torch.stack([each.sum() for each in torch.split(found, [len(target) - 1 for target in targets])])

    def _first_state(self, hidden: Tensor) -> DecoderState:
        return DecoderState(hidden, hidden.new_zeros(hidden.shape[2], self._fed) if self._fed else None)

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        shape = (slots, self.source_capacity, self._hidden)
        mask = torch.zeros(shape[:2], dtype=torch.bool)
        hidden = torch.zeros(self._layers, 2, slots * width, self._hidden)
        return Memory(torch.zeros(shape), torch.zeros(shape), mask), self._first_state(hidden)

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        """The products are those of all blocks together, so that weights are read once; attention is each block's."""
        before = reduce(DecoderState.joined, (each.state for each in blocks))
        tokens = [chosen(each.tokens.flatten(), each.rows) for each in blocks]
        counts = [each.shape[0] for each in tokens]
        x, hidden = self._decoder.step(_joined(tokens), before.hidden, before.feed)
        weights: list[Tensor | None] = [None] * len(blocks)
        if self._attention is not None:
            pairs = [self._attend(*each) for each in zip(blocks, _cut(x, counts), strict=True)]
            weights = [weight for _context, weight in pairs]
            x = torch.cat((_joined([context for context, _weight in pairs]), x), dim=1)
        readout = self._combine(x)
        state = DecoderState(hidden, readout if self._fed else None)
        after = zip(_cut(readout, counts), weights, [state] if len(counts) == 1 else state.split(counts), strict=True)
        return [
            Readout(spread(own, block.rows, block.tokens.numel()).view(*block.tokens.shape, -1), weight, state)
            for block, (own, weight, state) in zip(blocks, after, strict=True)
        ]

    def _attend(self, block: Rows, x: Tensor) -> tuple[Tensor, Tensor]:
        assert self._attention is not None
        return self._attention(x, block.rows, block.memory, block.positions, block.tokens.shape[1])

    def logits(self, readout: Tensor) -> Tensor:
        return self._projection(readout.flatten(0, 1)).view(*readout.shape[:2], -1)

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        return self._projection.best(logits, log_prob, forbidden, count)

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
        return self._projection.best_among(candidates, barred, readout, log_prob, count)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(parts)) if len(parts) > 1 else parts[0]


def _cut(whole: Tensor, counts: list[int]) -> Sequence[Tensor]:
    """The inverse of _joined."""
    return torch.split(whole, counts) if len(counts) > 1 else (whole,)


def _keys_of(attention: Attention | None, kernels: Kernels) -> Linear | None:
    """What makes keys of encoder outputs; None if they are the outputs themselves."""
    return kernels.linear(attention.project.weight) if isinstance(attention, GeneralAttention) else None
