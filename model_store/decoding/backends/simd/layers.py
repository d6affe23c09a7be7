"""lstm stacks whose weights are packed for the compiled kernels, and all that are such.

Legend: R rows, L layers, H hidden, P panels of 64 columns, G groups of 4 inputs, S tokens of all sequences, B
sequences, N positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_store.decoding.backends.int8_kernels import Attending, TorchAttention
from model_store.decoding.backends.int8_linear import quantise
from model_store.decoding.backends.simd import UNITS, phases
from model_store.decoding.backends.simd.attention import DotProducts
from model_store.decoding.backends.simd.first_layer import FirstLayer, as_they_come
from model_store.decoding.backends.simd.kernels import Array, Matrix
from model_store.decoding.backends.simd.linear import Linear, Projection, product
from model_store.decoding.backends.simd.lstm import Known, Layers
from model_store.decoding.backends.simd.packing import aligned, array_of, in_panels, packed, room_of, rows_of
from model_store.decoding.backends.simd.team import Team
from model_store.decoding.backends.simd.tiles import BYTES, COLUMNS, PRODUCTS_A_US
from model_store.network.attention import Attention, DotAttention
from model_store.network.cells import RecurrentLayer, RecurrentStack


class Stack:
    """Implements int8_kernels.Stack. embedding: shape = (V, E)."""

    def __init__(self, stack: RecurrentStack, embedding: Tensor, team: Team) -> None:
        self._team = team
        self._residual = stack.residual
        layers = [layer for layer in stack.layers if isinstance(layer, RecurrentLayer)]
        self._hidden = layers[0].hidden
        inputs, states = zip(*map(_of_cell, layers), strict=True)
        self._first = FirstLayer(embedding, inputs[0], team)
        self._above = inputs[1:]
        panels, groups = states[0].weights.shape[:2]
        self._layers = Layers(
            _together([each.weights for each in self._above], (panels, groups, COLUMNS, BYTES), np.uint8),
            _together([each.weights for each in states], (panels, groups, COLUMNS, BYTES), np.uint8),
            _together([each.scale for each in self._above], (panels, COLUMNS), np.float32),
            _together([each.scale for each in states], (panels, COLUMNS), np.float32),
            _together([each.bias for each in self._above], (panels, COLUMNS), np.float32),
        )

    def step(self, tokens: Tensor, state: Tensor, feed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        rows, layers, width = tokens.shape[0], self._layers, self._layers.of_h.shape[2] * BYTES
        known = self._first.of(tokens) if feed is None else self._first.fed(tokens, feed)
        new, output = torch.empty_like(state), torch.empty(rows, self._hidden)
        self._team.run(
            phases.step_layers,
            2 * len(layers.of_h) + 1,
            known,
            array_of(state),
            self._residual,
            layers,
            rows_of(rows, width),
            rows_of(rows, width),
            output.numpy(),
            new.numpy(),
            room_of(self._team),
            cost_us=rows * (layers.of_x.size + layers.of_h.size) / PRODUCTS_A_US,
        )
        return output, new

    def sequence(self, tokens: Tensor, live: Sequence[int], state: Tensor) -> tuple[Tensor, Tensor]:
        counts = np.array(live)
        lengths = (counts[:, None] > np.arange(live[0])).sum(axis=0)
        last = torch.from_numpy((np.cumsum(counts) - counts)[lengths - 1] + np.arange(live[0]))
        states = []
        x, known = None, self._first.of(tokens)
        for layer in range(len(self._layers.of_h)):
            if x is not None:
                known = as_they_come(product(x, self._above[layer - 1], self._team))
            outputs, cells = self._run(layer, known, counts, state[layer])
            states.append(torch.stack((outputs[last], cells)))
            x = outputs + x if self._residual and x is not None else outputs
        assert x is not None
        return x, torch.stack(states)

    def _run(self, layer: int, known: Known, counts: Array, state: Tensor) -> tuple[Tensor, Tensor]:
        """One layer over sequences: its outputs and last cells. state: what they begin with, shape = (2, B, H)."""
        tokens, sequences, layers = len(known.places), int(counts[0]), self._layers
        outputs, cells = torch.empty(tokens, self._hidden), state[1].clone()
        self._team.run(
            phases.run_layer,
            2 * len(counts),
            layer,
            layers,
            known,
            counts,
            rows_of(sequences, layers.of_h.shape[2] * BYTES),
            array_of(state[0]),
            outputs.numpy(),
            cells.numpy(),
            room_of(self._team),
            cost_us=tokens * layers.of_h[layer].size / PRODUCTS_A_US,
        )
        return outputs, cells


class SimdKernels:
    """Implements int8_kernels.Kernels. team: what shares the work of a call."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def linear(self, weight: Tensor, bias: Tensor | None = None, *, squash: bool = False) -> Linear:
        return Linear(weight, bias, self._team, squash=squash)

    def projection(self, weight: Tensor, bias: Tensor) -> Projection:
        return Projection(weight, bias, self._team)

    def attention(self, attention: Attention) -> Attending:
        return DotProducts(self._team) if isinstance(attention, DotAttention) else TorchAttention(attention)

    def stack(self, stack: RecurrentStack, embedding: Tensor) -> Stack:
        return Stack(stack, embedding, self._team)


def _of_cell(layer: RecurrentLayer) -> tuple[Matrix, Matrix]:
    """Of the inputs and of the states, a unit's four gates in one panel; both have the bias of both."""
    w_ih, w_hh, bias_ih, bias_hh = (each.detach().float() for each in layer.kernel.all_weights[0])
    panels = -(-layer.hidden // UNITS)
    unit = torch.arange(panels * UNITS).view(panels, 1, UNITS)
    gate = torch.arange(4).view(1, 4, 1)
    order = torch.where(
        unit < layer.hidden, gate * layer.hidden + unit, 4 * layer.hidden
    ).flatten()  # else a row of zeros
    twice = torch.ones(4, layer.hidden)
    twice[2] = 2.0  # see open_gates
    bias = in_panels(_with_zeros((bias_ih + bias_hh) * twice.flatten())[order])
    matrices = []
    for codes, scale in map(quantise, (w_ih, w_hh)):
        scales = in_panels(_with_zeros(scale * twice.flatten())[order])
        matrices.append(Matrix(packed(_with_zeros(codes)[order]), scales, bias))
    return matrices[0], matrices[1]


def _together(parts: Sequence[Array], shape: tuple[int, ...], kind: Any) -> Array:
    """Parts of one shape, of which there may be none, on a multiple of 64 bytes."""
    whole = aligned((len(parts), *shape), kind)
    for place, part in zip(whole, parts, strict=True):
        place[...] = part
    return whole


def _with_zeros(rows: Tensor) -> Tensor:
    """One more row, of zeros."""
    return torch.cat((rows, torch.zeros_like(rows[:1])))
