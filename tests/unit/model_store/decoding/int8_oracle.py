"""The network in 8-bit integers, the slow, obvious way: one row at a time, integer products in int64, nothing packed.

Next-token log-probabilities for the one-sentence beam search of oracle.py; the whole prefix is run again every time.
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
    scale = x.abs().max().clamp(min=torch.finfo(torch.float32).tiny * 127) / 127
    y = (codes @ (x / scale).round().long()).float() * row_scales * scale
    return y if bias is None else y + bias


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


class Int8Oracle:
    """What a network says of one source after each prefix. For an lstm with a reversed or forward encoder, and dot,
    general or no attention."""

    def __init__(
        self, network: Seq2Seq, segment: Segment, bos: int, forbidden: Sequence[int], of: Functions = TORCHS
    ) -> None:
        self._network, self._source, self._of = network, segment.source, of
        self._bos, self._forbidden = bos, list(forbidden)
        self._width = 1 << (segment.beam_size - 1).bit_length()
        self._after = cache(self._run)

    def log_probs(self, prefix: Sequence[int]) -> list[float]:
        """Of the next token."""
        projection = self._network.projection
        logits = linear(self._after(tuple(prefix))[0], projection.weight.detach(), projection.bias.detach())
        logits[self._forbidden] = -math.inf
        return torch.log_softmax(logits, dim=0).tolist()

    def attention(self, prefix: Sequence[int]) -> list[float]:
        """The weights with which the next token is written."""
        weights = self._after(tuple(prefix))[1]
        assert weights is not None
        found: list[float] = weights[: len(self._source)].tolist()
        return found

    @torch.no_grad()
    def _run(self, prefix: tuple[int, ...]) -> tuple[Tensor, Tensor | None]:
        """What the projection reads, and the weights of attention over a slot."""
        network, source, of = self._network, self._source, self._of
        encoder, decoder, config = network.encoder, network.decoder, network.config
        assert isinstance(encoder, DirectedEncoder)
        zeros = torch.zeros(config.hidden)
        state: State = [(zeros, zeros) for _layer in range(config.layers)]
        outputs = []
        for token in reversed(source) if encoder.reverse else source:
            output, state = run(encoder.stack, network.source_embedding.weight[token], state, of)
            outputs.append(output)
        values = torch.stack(outputs[::-1] if encoder.reverse else outputs)
        keys = values
        if isinstance(decoder.attention, GeneralAttention):
            keys = torch.stack([linear(value, decoder.attention.project.weight) for value in values])
        present = in_a_slot(torch.ones(len(source), dtype=torch.bool))
        feed, attended = torch.zeros(config.readout), None
        for token in (self._bos, *prefix):
            x = network.target_embedding.weight[token]
            x, state = run(decoder.stack, torch.cat((x, feed)) if decoder.input_feeding else x, state, of)
            if decoder.attention is not None:
                held = (in_a_slot(keys), in_a_slot(values), present, torch.zeros(1, self._width))
                context, weights = decoder.attention(x.expand(1, self._width, -1), *held)
                x, attended = torch.cat((context[0, 0], x)), weights[0, 0]
            feed = of.tanh(linear(x, decoder.combine.weight))
        return feed, attended
