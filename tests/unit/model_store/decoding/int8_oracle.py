"""The network in 8-bit integers, the slow, obvious way: one row at a time, integer products in int64, nothing packed.

Next-token log-probabilities for the one-sentence beam search of oracle.py; what came of a prefix is looked up by the
prefix, so there is nothing to reorder.
Sigmoid, tanh and attention are those of what is tested, attention in the shape that the beam gives it: their last bit
can round an input's code to its neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from model_store.decoding.segment import Segment
from model_store.network.attention import GeneralAttention
from model_store.network.cells import RecurrentLayer, RecurrentStack
from model_store.network.encoder import DirectedEncoder
from model_store.network.seq2seq import Seq2Seq

State = list[tuple[Tensor, Tensor]]


class Functions(NamedTuple):
    """Of each element of a tensor."""

    sigmoid: Callable[[Tensor], Tensor]
    tanh: Callable[[Tensor], Tensor]


SOURCE_CAPACITY = 12
TORCHS = Functions(lambda z: torch.tanh(z * 0.5) * 0.5 + 0.5, torch.tanh)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x: shape = (I,). Codes of both are whole numbers up to 127 of either sign; one scale a row."""
    row_scales = weight.abs().amax(dim=1) / 127
    codes = (weight / row_scales.unsqueeze(1)).round().long()
    scale = scale_of(x)
    y = (codes @ (x / scale).round().long()).float() * row_scales * scale
    return y if bias is None else y + bias


def scale_of(x: Tensor) -> Tensor:
    """Of one row."""
    return x.abs().max().clamp(min=torch.finfo(torch.float32).tiny * 127) / 127


def from_a_tie(x: Tensor) -> float:
    """How far the numbers of a row are, at least, from halfway between two codes."""
    codes = (x / scale_of(x)).double()
    return float((codes - codes.floor() - 0.5).abs().min())


def cell(layer: RecurrentLayer, x: Tensor, h: Tensor, c: Tensor, of: Functions) -> tuple[Tensor, Tensor]:
    """One lstm layer, one row."""
    w_ih, w_hh, bias_ih, bias_hh = layer.kernel.all_weights[0]
    gates = linear(x, w_ih, bias_ih + bias_hh) + linear(h, w_hh)
    in_gate, forget, new, out = gates.chunk(4)
    c = of.sigmoid(forget) * c + of.sigmoid(in_gate) * of.tanh(new)
    return of.sigmoid(out) * of.tanh(c), c


def in_a_slot(rows: Tensor) -> Tensor:
    """As the decoder holds them, among more that are not in use: sums may depend on how many there are."""
    return torch.cat((rows, rows.new_zeros(SOURCE_CAPACITY - len(rows), *rows.shape[1:]))).unsqueeze(0)


def run(stack: RecurrentStack, x: Tensor, state: State, of: Functions) -> tuple[Tensor, State]:
    """One position through all layers."""
    after = []
    for index, (layer, (h, c)) in enumerate(zip(stack.layers, state, strict=True)):
        assert isinstance(layer, RecurrentLayer)
        h, c = cell(layer, x, h, c, of)
        x = h + x if stack.residual and index else h
        after.append((h, c))
    return x, after


class After(NamedTuple):
    """What there is after a prefix: what the projection reads, the weights of attention over a slot, the state."""

    readout: Tensor
    weights: Tensor | None
    state: State


class Int8Oracle:
    """What a network says of one source after each prefix. For an lstm with a reversed or forward encoder, without
    residuals, and any attention but the additive. closest_tie: of all that was rounded so far, in codes."""

    def __init__(
        self, network: Seq2Seq, segment: Segment, bos: int, forbidden: Sequence[int], of: Functions = TORCHS
    ) -> None:
        self._network, self._source, self._of = network, segment.source, of
        self._bos, self._forbidden = bos, list(forbidden)
        self._width = 1 << (segment.beam_size - 1).bit_length()
        self._after = cache(self._step)
        self._encoded = cache(self._encode)
        self.closest_tie = math.inf

    def log_probs(self, prefix: Sequence[int]) -> list[float]:
        """Of the next token."""
        projection = self._network.projection
        logits = linear(
            self._seen(self._after(tuple(prefix)).readout), projection.weight.detach(), projection.bias.detach()
        )
        logits[self._forbidden] = -math.inf
        return torch.log_softmax(logits, dim=0).tolist()

    def attention(self, prefix: Sequence[int]) -> list[float]:
        """The weights with which the next token is written."""
        weights = self._after(tuple(prefix)).weights
        assert weights is not None
        found: list[float] = weights[: len(self._source)].tolist()
        return found

    @torch.no_grad()
    def _encode(self) -> tuple[Tensor, Tensor, State]:
        """Keys and values of a row for each token of the source, and the state after it."""
        network, source, config = self._network, self._source, self._network.config
        encoder, attention = network.encoder, network.decoder.attention
        assert isinstance(encoder, DirectedEncoder)
        zeros = torch.zeros(config.hidden)
        state: State = [(zeros, zeros) for _layer in range(config.layers)]
        outputs = []
        for token in reversed(source) if encoder.reverse else source:
            output, state = run(encoder.stack, network.source_embedding.weight[token], state, self._of)
            outputs.append(output)
            self._see_all(state)
        values = keys = torch.stack(outputs[::-1] if encoder.reverse else outputs)
        if network.decoder.of_window is not None:
            side = config.embedding_window // 2
            nothing = [torch.zeros(config.embedding)] * side
            embedded = [*nothing, *network.source_embedding.weight[list(source)], *nothing]
            windows = [torch.cat(embedded[place : place + 2 * side + 1]) for place in range(len(source))]
            added = [linear(self._seen(each), network.decoder.of_window.weight) for each in windows]
            values = values + torch.stack(added)
        if isinstance(attention, GeneralAttention):
            keys = torch.stack([linear(key, attention.project.weight) for key in keys])
        return keys, values, state

    @torch.no_grad()
    def _step(self, prefix: tuple[int, ...]) -> After:
        """The beginning is read for the empty prefix, and the last token of any other."""
        network, of = self._network, self._of
        decoder = network.decoder
        keys, values, encoded = self._encoded()
        before = self._after(prefix[:-1]) if prefix else After(torch.zeros(network.config.readout), None, encoded)
        x = network.target_embedding.weight[prefix[-1] if prefix else self._bos]
        if decoder.input_feeding:
            x = self._seen(torch.cat((x, before.readout)))
        x, state = run(decoder.stack, x, before.state, of)
        self._see_all(state)
        weights = None
        if decoder.attention is not None:
            present = in_a_slot(torch.ones(len(values), dtype=torch.bool))
            held = (in_a_slot(keys), in_a_slot(values), present, torch.full((1, self._width), len(prefix)))
            context, attended = decoder.attention(x.expand(1, self._width, -1), *held)
            x, weights = torch.cat((context[0, 0], x)), attended[0, 0]
        return After(of.tanh(linear(self._seen(x), decoder.combine.weight)), weights, state)

    def _seen(self, x: Tensor) -> Tensor:
        """A row that will be rounded."""
        self.closest_tie = min(self.closest_tie, from_a_tie(x))
        return x

    def _see_all(self, state: State) -> None:
        for h, _c in state:
            self._seen(h)
