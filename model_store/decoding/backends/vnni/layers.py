"""Linear layers and lstm stacks whose weights are packed for the compiled kernels.

Legend: R rows, I inputs, O outputs, L layers, H hidden, P panels of 64 columns, G groups of 4 inputs, S tokens of all
sequences, B sequences, N positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_store.decoding.backends.int8_linear import quantise
from model_store.decoding.backends.vnni import choosing, phases
from model_store.decoding.backends.vnni.instructions import BYTES, COLUMNS, ROWS
from model_store.decoding.backends.vnni.kernels import UNITS, ZERO, Array, Layers, Matrix, Room, Rows
from model_store.decoding.backends.vnni.team import Team
from model_store.network.cells import RecurrentLayer, RecurrentStack

_ALIGNMENT = 64


class Linear:
    """y = x W^T + b, or its tanh. weight: float32, shape = (O, I). bias: shape = (O,)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, team: Team, *, squash: bool = False) -> None:
        self._outputs = len(weight)
        self._team = team
        self._squash = squash
        codes, scale = quantise(weight.detach().float())
        offset = torch.zeros(self._outputs) if bias is None else bias.detach().float()
        self._matrix = Matrix(_packed(codes), _panels(scale), _panels(offset))

    def __call__(self, x: Tensor) -> Tensor:
        """x: float32, shape = (R, I). Returns float32, shape = (R, O)."""
        rows, (panels, groups, *_tile) = len(x), self._matrix.weights.shape
        y = np.empty((rows, panels, COLUMNS), dtype=np.float32)
        self._team.run(
            phases.linear, 2, _array(x), _rows(rows, groups), self._matrix, self._squash, y, _room(self._team)
        )
        return torch.from_numpy(y).view(rows, -1)[:, : self._outputs]


class Projection(Linear):
    """Logits of readouts, and the best extensions by them. What fills up the last panel is -inf."""

    def __init__(self, weight: Tensor, bias: Tensor, team: Team) -> None:
        super().__init__(weight, bias, team)
        self._matrix.bias.reshape(-1)[self._outputs :] = -np.inf

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_extensions. logits: as they were returned, edited or not, shape = (N, K, V)."""
        slots, width = log_prob.shape
        panels, threads, rows = len(self._matrix.bias), self._team.size, slots * width
        most = min(count, self._outputs)
        whole = logits.as_strided((rows, panels, COLUMNS), (panels * COLUMNS, COLUMNS, 1))
        best, parents, chosen = torch.empty(slots, count), *torch.empty(2, slots, count, dtype=torch.int64)
        self._team.run(
            choosing.best_extensions,
            2,
            whole.numpy(),
            _array(log_prob),
            _array(forbidden),
            np.empty((rows, most), dtype=np.float32),
            np.empty((rows, most), dtype=np.int64),
            best.numpy(),
            parents.numpy(),
            chosen.numpy(),
            np.empty((threads, most), dtype=np.int64),
            np.empty((threads, panels), dtype=np.float32),
            np.empty((threads, COLUMNS), dtype=np.float32),
        )
        return best, parents, chosen


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
            np.concatenate([each.weights.reshape(-1) for each in inputs], out=_aligned((sum(sizes),), np.uint8)),
            np.cumsum([0, *sizes[:-1]]),
            np.array([each.weights.shape[1] for each in inputs]),
            np.stack(
                [each.weights for each in states], out=_aligned((len(states), *states[0].weights.shape), np.uint8)
            ),
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
            _array(x),
            _array(state),
            self._residual,
            layers,
            _rows(rows, max(layers.x_groups)),
            _rows(rows, layers.of_h.shape[2]),
            output.numpy(),
            new.numpy(),
            _room(self._team),
        )
        return output, new

    def sequence(self, x: Tensor, live: Sequence[int]) -> tuple[Tensor, Tensor]:
        counts = np.array(live)
        lengths = (counts[:, None] > np.arange(live[0])).sum(axis=0)
        last = torch.from_numpy((np.cumsum(counts) - counts)[lengths - 1] + np.arange(live[0]))
        states = []
        for layer in range(len(self._layers.bias)):
            outputs, cells = self._run(layer, x, counts)
            states.append(torch.stack((outputs[last], cells)))
            x = outputs + x if self._residual and layer else outputs
        return x, torch.stack(states)

    def _run(self, layer: int, x: Tensor, counts: Array) -> tuple[Tensor, Tensor]:
        """One layer over whole sequences: its outputs and last cells."""
        tokens, sequences, layers = len(x), int(counts[0]), self._layers
        panels, groups = layers.of_h.shape[1:3]
        place, x_groups = int(layers.x_place[layer]), int(layers.x_groups[layer])
        size = panels * x_groups * COLUMNS * BYTES
        of_x = layers.of_x[place : place + size].reshape(panels, x_groups, COLUMNS, BYTES)
        outputs, cells = torch.empty(tokens, self._hidden), torch.zeros(sequences, self._hidden)
        self._team.run(
            phases.run_layer,
            2 + 2 * len(counts),
            _array(x),
            counts,
            Matrix(of_x, layers.scale_x[layer], layers.bias[layer]),
            Matrix(layers.of_h[layer], layers.scale_h[layer], layers.bias[layer]),
            _rows(tokens, x_groups),
            _rows(sequences, groups),
            np.empty((tokens, panels, COLUMNS), dtype=np.float32),
            outputs.numpy(),
            cells.numpy(),
            _room(self._team),
        )
        return outputs, cells


class VnniKernels:
    """Implements int8_kernels.Kernels. threads: how many share the work of a call."""

    def __init__(self, threads: int) -> None:
        self._team = Team(threads)

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
    bias = _panels(_with_zeros((bias_ih + bias_hh) * twice.flatten())[order])
    matrices = []
    for codes, scale in map(quantise, (w_ih, w_hh)):
        scales = _panels(_with_zeros(scale * twice.flatten())[order])
        matrices.append(Matrix(_packed(_with_zeros(codes)[order]), scales, bias))
    return matrices[0], matrices[1]


def _with_zeros(rows: Tensor) -> Tensor:
    """One more row, of zeros."""
    return torch.cat((rows, torch.zeros_like(rows[:1])))


def _packed(codes: Tensor) -> Array:
    """int8, shape = (O, I), to uint8, shape = (P, G, 64, 4), raised by ZERO; what fills up stands for zero."""
    outputs, inputs = codes.shape
    panels, groups = -(-outputs // COLUMNS), -(-inputs // BYTES)
    raised = np.full((panels * COLUMNS, groups * BYTES), ZERO, dtype=np.uint8)
    raised[:outputs, :inputs] = (codes.to(torch.int16) + ZERO).to(torch.uint8).numpy()
    packed = _aligned((panels, groups, COLUMNS, BYTES), np.uint8)
    packed[...] = raised.reshape(panels, COLUMNS, groups, BYTES).transpose(0, 2, 1, 3)
    return packed


def _panels(values: Tensor) -> Array:
    """Float32, shape = (O,), to shape = (P, 64), filled up with zeros."""
    panels = -(-len(values) // COLUMNS)
    filled = np.zeros(panels * COLUMNS, dtype=np.float32)
    filled[: len(values)] = values.numpy()
    return filled.reshape(panels, COLUMNS)


def _aligned(shape: tuple[int, ...], kind: Any) -> Array:
    """Not initialised, on a multiple of 64 bytes."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    room = np.empty(size + _ALIGNMENT, dtype=np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    aligned: Array = room[start : start + size].view(kind).reshape(shape)
    return aligned


def _rows(rows: int, groups: int) -> Rows:
    """Room for that many rows as codes."""
    return Rows(
        np.empty((rows, groups * BYTES), dtype=np.int8),
        np.empty(rows, dtype=np.float32),
        np.empty(rows, dtype=np.int32),
    )


def _room(team: Team) -> Room:
    shape = (team.size, ROWS, COLUMNS)
    return Room(np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32))


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.contiguous().numpy()
    return array
