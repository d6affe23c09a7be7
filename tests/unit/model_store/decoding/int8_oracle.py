"""The network in 8-bit integers, the slow, obvious way: one row at a time, integer products in int64, nothing packed.

Next-token log-probabilities for the one-sentence beam search of oracle.py; the whole prefix is run again every time.
Sigmoid, tanh and attention are those of what is tested, attention in the shape that the beam gives it: their last bit
can round an input's code to its neighbour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from model_store.decoding.segment import Segment
from model_store.network.attention import GeneralAttention
from model_store.network.cells import RecurrentLayer, RecurrentStack
from model_store.network.encoder import DirectedEncoder
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.oracle import NextLogProbs

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


def int8_log_probs(
    network: Seq2Seq, segment: Segment, bos: int, forbidden: Sequence[int], of: Functions = TORCHS
) -> NextLogProbs:
    """For an lstm with a reversed or forward encoder, and dot, general or no attention."""
    source, width = segment.source, 1 << (segment.beam_size - 1).bit_length()
    encoder, decoder, config = network.encoder, network.decoder, network.config
    assert isinstance(encoder, DirectedEncoder)

    @torch.no_grad()
    def next_log_probs(prefix: Sequence[int]) -> list[float]:
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
        feed = torch.zeros(config.readout)
        readout = feed
        for token in (bos, *prefix):
            x = network.target_embedding.weight[token]
            x, state = run(decoder.stack, torch.cat((x, feed)) if decoder.input_feeding else x, state, of)
            if decoder.attention is not None:
                held = (in_a_slot(keys), in_a_slot(values), present, torch.zeros(1, width))
                context, _weights = decoder.attention(x.expand(1, width, -1), *held)
                x = torch.cat((context[0, 0], x))
            readout = of.tanh(linear(x, decoder.combine.weight))
            feed = readout
        logits = linear(readout, network.projection.weight, network.projection.bias)
        logits[list(forbidden)] = -math.inf
        return torch.log_softmax(logits, dim=0).tolist()

    return next_log_probs
