"""The network on a CPU in 8-bit integers: several times faster than float32, and rows that do not depend on how many.

Matrix products are Int8Linear's. What is between them runs in float32 by operations whose result for an element does
not depend on where it lies in the tensor. torch's sigmoid is none of these (the last elements of a tensor take another
path), so gates are made of tanh: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2, the halving folded into the weights.

Legend: R rows, B sources, N slots, K beam width, S source length, P tokens of all sources, E inputs, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model_store.config import NetworkConfig
from model_store.decoding.backends.int8_linear import Int8Linear, is_exact
from model_store.decoding.backends.protocol import Readout
from model_store.network.attention import Attention, GeneralAttention
from model_store.network.cells import RecurrentLayer, RecurrentStack
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
    return None if is_exact() else "no exact 8-bit kernel on this machine"


class Int8Backend:
    """Implements Backend for the networks that `unsupported` lets pass. source_capacity: tokens."""

    def __init__(self, network: Seq2Seq, *, source_capacity: int) -> None:
        config, decoder = network.config, network.decoder
        assert isinstance(network.encoder, DirectedEncoder)
        self.vocabulary = config.vocabulary
        self.source_capacity = source_capacity
        self.target_limit = config.positions if config.bounded_positions else None
        self._hidden = config.hidden
        self._reverse = network.encoder.reverse
        self._source_embedding = network.source_embedding.weight.detach()
        self._target_embedding = network.target_embedding.weight.detach()
        self._encoder = _Stack(network.encoder.stack)
        self._decoder = _Stack(decoder.stack)
        self._attention = decoder.attention
        self._keys = _keys_of(decoder.attention)
        self._combine = Int8Linear(decoder.combine.weight)
        self._feeds = decoder.input_feeding
        self._projection = Int8Linear(network.projection.weight, network.projection.bias)

    @property
    def has_attention(self) -> bool:
        return self._attention is not None

    def encode(self, sources: Sequence[Sequence[int]]) -> tuple[Memory, DecoderState]:
        """All sources at once, longest first: at each position run those that are not over yet. No row is padding."""
        lengths = torch.tensor([len(source) for source in sources])
        ordered, order = lengths.sort(descending=True, stable=True)
        live = (torch.arange(int(ordered[0])).unsqueeze(1) < ordered).sum(dim=1).tolist()  # sources at each position
        source = torch.cat([order[:count] for count in live])  # (P,), position after position
        time = torch.arange(len(live)).repeat_interleave(torch.tensor(live))
        position = lengths[source] - 1 - time if self._reverse else time
        mask = torch.arange(len(live)) < lengths.unsqueeze(1)
        ids = torch.zeros(mask.shape, dtype=torch.int64)
        ids[mask] = torch.tensor([token for each in sources for token in each])
        outputs, state = self._encoder.sequence(self._source_embedding[ids[source, position]], live)

        values = outputs.new_zeros(*mask.shape, self._hidden)
        values[source, position] = outputs
        keys = values
        if self._keys is not None:
            keys = torch.zeros_like(values)
            keys[source, position] = self._keys(outputs)
        by_source = torch.empty_like(order)
        by_source[order] = torch.arange(len(order))
        return Memory(keys, values, mask), self._first_state(state.index_select(2, by_source))

    def _first_state(self, hidden: Tensor) -> DecoderState:
        readout = self._target_embedding.shape[1] if self._feeds else 0
        return DecoderState(hidden, hidden.new_zeros(hidden.shape[2], readout) if self._feeds else None)

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        shape = (slots, self.source_capacity, self._hidden)
        mask = torch.zeros(shape[:2], dtype=torch.bool)
        hidden = torch.zeros(len(self._decoder.cells), 2, slots * width, self._hidden)
        return Memory(torch.zeros(shape), torch.zeros(shape), mask), self._first_state(hidden)

    def step(self, tokens: Tensor, memory: Memory, state: DecoderState, positions: Tensor) -> Readout:
        slots, width = tokens.shape
        x = self._target_embedding[tokens.flatten()]  # (R, E)
        if state.feed is not None:
            x = torch.cat((x, state.feed), dim=1)
        x, hidden = self._decoder.step(x, state.hidden)
        weights = None
        if self._attention is not None:
            context, weights = self._attention(
                x.view(slots, width, -1),
                memory.keys,
                memory.values,
                memory.mask,
                positions.unsqueeze(1).expand(-1, width),
            )
            x = torch.cat((context.flatten(0, 1), x), dim=1)
        readout = self._combine(x).tanh_()
        return Readout(readout.view(slots, width, -1), weights, DecoderState(hidden, readout if self._feeds else None))

    def logits(self, readout: Tensor) -> Tensor:
        return self._projection(readout.flatten(0, 1)).view(*readout.shape[:2], -1)


def _keys_of(attention: Attention | None) -> Int8Linear | None:
    """What makes keys of encoder outputs; None if they are the outputs themselves."""
    return Int8Linear(attention.project.weight) if isinstance(attention, GeneralAttention) else None


class _Cell:
    """One lstm layer."""

    def __init__(self, layer: RecurrentLayer) -> None:
        w_ih, w_hh, bias_ih, bias_hh = layer.kernel.all_weights[0]
        halved = torch.full((4, layer.hidden, 1), 0.5)
        halved[2] = 1.0  # the new value's own tanh
        halved = halved.view(-1, 1)
        self.from_input = Int8Linear(w_ih * halved, (bias_ih + bias_hh) * halved.squeeze(1))
        self._from_state = Int8Linear(w_hh * halved)

    def __call__(self, from_input: Tensor, h: Tensor, c: Tensor, new: Tensor) -> None:
        """from_input: what the input adds to the gates, shape = (R, 4H), overwritten. h, c: shape = (R, H). new: where
        the new h and c go, shape = (2, R, H)."""
        both = from_input.add_(self._from_state(h)).tanh_()
        gates = both.mul(0.5).add_(0.5)
        in_gate, forget, _new, out = gates.chunk(4, dim=1)
        torch.mul(forget, c, out=new[1]).add_(in_gate * both.chunk(4, dim=1)[2])
        torch.mul(out, new[1].tanh(), out=new[0])


class _Stack:
    """lstm layers on top of each other."""

    def __init__(self, stack: RecurrentStack) -> None:
        self.cells = [_Cell(layer) for layer in stack.layers if isinstance(layer, RecurrentLayer)]
        self._residual = stack.residual

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """x: shape = (R, E). state: shape = (L, 2, R, H). Returns the output, shape = (R, H), and the new state."""
        new = torch.empty_like(state)
        for index, cell in enumerate(self.cells):
            cell(cell.from_input(x), state[index, 0], state[index, 1], new[index])
            x = new[index, 0] + x if self._residual and index else new[index, 0]
        return x, new

    def sequence(self, x: Tensor, live: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Whole sequences from a state of zeros, layer by layer, so that the inputs' part of the gates is one product.

        x: position after position, shape = (P, E). live: how many sequences have each position; never growing. Returns
        outputs in the same order, shape = (P, H), and the last state of each sequence, shape = (L, 2, B, H).
        """
        states = []
        for index, cell in enumerate(self.cells):
            gates = cell.from_input(x)  # (P, 4H)
            outputs = gates.new_empty(len(gates), gates.shape[1] // 4)
            state = gates.new_zeros(2, live[0], outputs.shape[1])
            start = 0
            for count in live:
                rows = slice(start, start + count)
                new = torch.empty_like(state[:, :count])
                cell(gates[rows], state[0, :count], state[1, :count], new)
                state[:, :count] = new
                outputs[rows] = new[0]
                start += count
            states.append(state)
            x = outputs + x if self._residual and index else outputs
        return x, torch.stack(states)
