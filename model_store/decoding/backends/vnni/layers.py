"""lstm stacks whose weights are packed for the compiled kernels, and all that are such.

Legend: R rows, L layers, H hidden, P panels of 64 columns, G groups of 4 inputs, S tokens of all sequences, B
sequences, N positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from model_store.decoding.backends.int8_linear import quantise
from model_store.decoding.backends.vnni import phases
from model_store.decoding.backends.vnni.instructions import BYTES, COLUMNS
from model_store.decoding.backends.vnni.kernels import UNITS, Array, Layers, Matrix
from model_store.decoding.backends.vnni.linear import Linear, Projection
from model_store.decoding.backends.vnni.packing import aligned, array_of, in_panels, packed, room_of, rows_of
from model_store.decoding.backends.vnni.team import PRODUCTS_A_US, Team
from model_store.network.cells import RecurrentLayer, RecurrentStack


class Stack:
    """Implements int8_kernels.Stack."""

    def __init__(self, stack: RecurrentStack, team: Team) -> None:
        self._team = team
        self._residual = stack.residual
        layers = [layer for layer in stack.layers if isinstance(layer, RecurrentLayer)]
        self._hidden = layers[0].hidden
        inputs, states = zip(*map(_of_cell, layers), strict=True)
        sizes = [each.weights.size for each in inputs]  # of the first layer it may be another
        self._layers = Layers(
            np.concatenate([each.weights.reshape(-1) for each in inputs], out=aligned((sum(sizes),), np.uint8)),
            np.cumsum([0, *sizes[:-1]]),
            np.array([each.weights.shape[1] for each in inputs]),
            np.stack([each.weights for each in states], out=aligned((len(states), *states[0].weights.shape), np.uint8)),
            np.stack([each.scale for each in inputs]),
            np.stack([each.scale for each in states]),
            np.stack([each.bias for each in inputs]),
        )

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        rows, layers = len(x), self._layers
        new, output = torch.empty_like(state), torch.empty(rows, self._hidden)
        self._team.run(
            phases.step_layers,
            2 * len(layers.bias) + 1,
            array_of(x),
            array_of(state),
            self._residual,
            layers,
            rows_of(rows, max(layers.x_groups) * BYTES),
            rows_of(rows, layers.of_h.shape[2] * BYTES),
            output.numpy(),
            new.numpy(),
            room_of(self._team),
            cost_us=rows * (layers.of_x.size + layers.of_h.size) / PRODUCTS_A_US,
        )
        return output, new

    def sequence(self, x: Tensor, live: Sequence[int], state: Tensor) -> tuple[Tensor, Tensor]:
        counts = np.array(live)
        lengths = (counts[:, None] > np.arange(live[0])).sum(axis=0)
        last = torch.from_numpy((np.cumsum(counts) - counts)[lengths - 1] + np.arange(live[0]))
        states = []
        for layer in range(len(self._layers.bias)):
            outputs, cells = self._run(layer, x, counts, state[layer])
            states.append(torch.stack((outputs[last], cells)))
            x = outputs + x if self._residual and layer else outputs
        return x, torch.stack(states)

    def _run(self, layer: int, x: Tensor, counts: Array, state: Tensor) -> tuple[Tensor, Tensor]:
        """One layer over sequences: its outputs and last cells. state: what they begin with, shape = (2, B, H)."""
        tokens, sequences, layers = len(x), int(counts[0]), self._layers
        panels, groups = layers.of_h.shape[1:3]
        place, x_groups = int(layers.x_place[layer]), int(layers.x_groups[layer])
        size = panels * x_groups * COLUMNS * BYTES
        of_x = layers.of_x[place : place + size].reshape(panels, x_groups, COLUMNS, BYTES)
        outputs, cells = torch.empty(tokens, self._hidden), state[1].clone()
        self._team.run(
            phases.run_layer,
            2 + 2 * len(counts),
            array_of(x),
            counts,
            Matrix(of_x, layers.scale_x[layer], layers.bias[layer]),
            Matrix(layers.of_h[layer], layers.scale_h[layer], layers.bias[layer]),
            rows_of(tokens, x_groups * BYTES),
            rows_of(sequences, groups * BYTES),
            np.empty((tokens, panels, COLUMNS), dtype=np.float32),
            array_of(state[0]),
            outputs.numpy(),
            cells.numpy(),
            room_of(self._team),
            cost_us=tokens * (of_x.size + layers.of_h[layer].size) / PRODUCTS_A_US,
        )
        return outputs, cells


class VnniKernels:
    """Implements int8_kernels.Kernels. team: what shares the work of a call."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def linear(self, weight: Tensor, bias: Tensor | None = None, *, squash: bool = False) -> Linear:
        return Linear(weight, bias, self._team, squash=squash)

    def projection(self, weight: Tensor, bias: Tensor) -> Projection:
        return Projection(weight, bias, self._team)

    def stack(self, stack: RecurrentStack) -> Stack:
        return Stack(stack, self._team)


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


def _with_zeros(rows: Tensor) -> Tensor:
    """One more row, of zeros."""
    return torch.cat((rows, torch.zeros_like(rows[:1])))
