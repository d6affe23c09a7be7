"""The compiled inner loops: rows to codes, products of codes, lstm cells.

Each function works on some rows or on one panel, which is 64 columns of a product, and is called for all of them by
phases.py. Whatever the share of the work, an element is computed by the same operations in the same order.

Legend: R rows, I inputs, G groups of 4 inputs, P panels of 64 columns, L layers, H hidden, T threads.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from model_store.decoding.backends.vnni.compiled import compiled
from model_store.decoding.backends.vnni.instructions import (
    BYTES,
    COLUMNS,
    ROWS,
    multiply_add,
    power_of_two,
    prefetch,
    tile_1,
    tile_2,
    tile_3,
    tile_4,
    tile_5,
    tile_6,
)

Array = np.ndarray[Any, Any]


class Rows(NamedTuple):
    """Rows of float32 as whole numbers of -127 to 127 times a scale, zeros filling up the last group.

    codes: int8, shape = (R, 4 * G). scale: float32, shape = (R,). raised: what ZERO in the weights adds to a row's
    products, int32, shape = (R,).
    """

    codes: Array
    scale: Array
    raised: Array


class Matrix(NamedTuple):
    """A linear layer.

    weights: codes raised by ZERO, uint8, shape = (P, G, 64, 4). scale, bias: float32, shape = (P, 64).
    """

    weights: Array
    scale: Array
    bias: Array


class Layers(NamedTuple):
    """lstm layers, the four gates of 16 units in a panel.

    of_x: weights of the inputs of all layers, uint8, in one row of bytes; those of layer l begin at x_place[l] and have
    x_groups[l] groups. of_h: of the states, uint8, shape = (L, P, G, 64, 4). scale_x, scale_h, bias: float32, shape =
    (L, P, 64).
    """

    of_x: Array
    x_place: Array
    x_groups: Array
    of_h: Array
    scale_x: Array
    scale_h: Array
    bias: Array


class Room(NamedTuple):
    """To work in. sums: int32, gates: float32, shape = (T, 6, 64)."""

    sums: Array
    gates: Array


LEVELS = np.float32(127)
ZERO = 128  # what codes of weights are raised by to be unsigned
UNITS = COLUMNS // 4  # of an lstm layer in a panel, each with its four gates
TINY = np.finfo(np.float32).tiny
_LOG2_E = np.float32(1.44269504)
_MINUS_LN2_HIGH, _MINUS_LN2_LOW = np.float32(-0.693359375), np.float32(2.12194440e-4)
_ONE, _TWO, _HALF = np.float32(1), np.float32(2), np.float32(0.5)
_LEAST, _MOST = np.float32(-87), np.float32(88)
_C = tuple(
    np.float32(c)
    for c in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)
_C0, _C1, _C2, _C3, _C4, _C5 = _C


@compiled
def exp(x: Any) -> Any:
    """Of a float32; for x below -87 what it is at -87. Range reduction and polynomial of Cephes' expf (Moshier)."""
    x = min(max(x, _LEAST), _MOST)
    n = np.float32(math.floor(multiply_add(x, _LOG2_E, _HALF)))
    x = multiply_add(n, _MINUS_LN2_LOW, multiply_add(n, _MINUS_LN2_HIGH, x))
    y = multiply_add(
        multiply_add(multiply_add(multiply_add(multiply_add(_C0, x, _C1), x, _C2), x, _C3), x, _C4), x, _C5
    )
    return multiply_add(y, x * x, x + _ONE) * power_of_two(n)


@compiled
def sigmoid(x: Any) -> Any:
    return _ONE / (_ONE + exp(-x))


@compiled
def tanh(x: Any) -> Any:
    return multiply_add(_TWO, sigmoid(_TWO * x), -_ONE)


@compiled
def encode_row(x: Array, row: int, rows: Rows) -> None:
    """x: float32, shape = (I,)."""
    codes = rows.codes[row]
    largest = np.float32(0)
    for i in range(len(x)):
        largest = max(largest, abs(x[i]))
    step = max(largest / LEVELS, TINY)
    for i in range(len(x)):
        codes[i] = np.int8(np.rint(x[i] / step))
    total = np.int32(0)
    for i in range(len(x)):
        total += np.int32(codes[i])
    for i in range(len(x), len(codes)):
        codes[i] = 0
    rows.scale[row] = step
    rows.raised[row] = total * ZERO


@compiled
def tile_rows(left: int) -> int:
    """How many of the rows that are left the next tile takes, so that all are nearly alike."""
    tiles = (left + ROWS - 1) // ROWS
    return (left + tiles - 1) // tiles


@compiled
def multiply(count: int, row: int, codes: Array, weights: int, groups: int, sums: Array) -> None:
    """The products of `count` rows, 1 to 6, from `row` on. weights: address of a panel. sums: shape = (6, 64)."""
    inputs, stride, out = codes.ctypes.data + row * codes.shape[1], codes.shape[1], sums.ctypes.data
    if count == 6:
        tile_6(inputs, stride, weights, groups, out)
    elif count == 5:
        tile_5(inputs, stride, weights, groups, out)
    elif count == 4:
        tile_4(inputs, stride, weights, groups, out)
    elif count == 3:
        tile_3(inputs, stride, weights, groups, out)
    elif count == 2:
        tile_2(inputs, stride, weights, groups, out)
    else:
        tile_1(inputs, stride, weights, groups, out)


@compiled
def linear_panel(panel: int, rows: Rows, matrix: Matrix, y: Array, sums: Array) -> None:
    """y = x W^T + b for the columns of one panel. y: float32, shape = (R, P, 64)."""
    row, groups = 0, matrix.weights.shape[1]
    place = matrix.weights.ctypes.data + panel * groups * COLUMNS * BYTES
    while row < len(y):
        count = tile_rows(len(y) - row)
        multiply(count, row, rows.codes, place, groups, sums)
        for r in range(count):
            step, more = rows.scale[row + r], rows.raised[row + r]
            for c in range(COLUMNS):
                value = np.float32(sums[r, c] - more) * matrix.scale[panel, c] * step
                y[row + r, panel, c] = value + matrix.bias[panel, c]
        row += count


@compiled
def squash_panel(panel: int, y: Array) -> None:
    """The tanh of one panel."""
    for r in range(len(y)):
        for c in range(COLUMNS):
            y[r, panel, c] = tanh(y[r, panel, c])


@compiled
def add_product(count: int, row: int, rows: Rows, weight_scale: Array, sums: Array, gates: Array) -> None:
    """Add a tile of `sums` to `gates`. weight_scale: of the panel, shape = (64,)."""
    for r in range(count):
        step, more = rows.scale[row + r], rows.raised[row + r]
        for c in range(COLUMNS):
            gates[r, c] += np.float32(sums[r, c] - more) * weight_scale[c] * step


@compiled
def open_gates(panel: int, count: int, row: int, gates: Array, c: Array, new_h: Array, new_c: Array) -> None:
    """From the gates of a tile, (input, forget, new, output) of 16 units side by side, to the state of those units.

    New values are twice what they are, so that all gates are sigmoids: tanh(x) = 2 sigmoid(2x) - 1.

    c, new_h, new_c: shape = (R, H); new_c may be c.
    """
    unit = panel * UNITS
    units = min(UNITS, c.shape[1] - unit)
    for r in range(count):
        for column in range(COLUMNS):
            gates[r, column] = sigmoid(gates[r, column])
        old, kept = c[row + r, unit : unit + units], new_c[row + r, unit : unit + units]
        shown = new_h[row + r, unit : unit + units]
        for u in range(units):
            candidate = multiply_add(_TWO, gates[r, 2 * UNITS + u], -_ONE)
            value = gates[r, UNITS + u] * old[u] + gates[r, u] * candidate
            kept[u] = value
            shown[u] = gates[r, 3 * UNITS + u] * tanh(value)


@compiled
def expect(panel: int, count: int, row: int, units: Array) -> None:
    """Some rows of one panel's units, shape = (R, H), are needed soon."""
    for r in range(count):
        prefetch(units.ctypes.data + 4 * ((row + r) * units.shape[1] + panel * UNITS))


@compiled
def step_panel(
    panel: int, layer: int, layers: Layers, of_x: Rows, of_h: Rows, c: Array, new: Array, sums: Array, gates: Array
) -> None:
    """16 units of an lstm layer, one step. c: shape = (R, H). new: its h and c, shape = (2, R, H)."""
    x_groups, h_groups = layers.x_groups[layer], layers.of_h.shape[2]
    x_place = layers.of_x.ctypes.data + layers.x_place[layer] + panel * x_groups * COLUMNS * BYTES
    h_place = layers.of_h.ctypes.data + (layer * layers.of_h.shape[1] + panel) * h_groups * COLUMNS * BYTES
    scale_x, scale_h, bias = layers.scale_x[layer, panel], layers.scale_h[layer, panel], layers.bias[layer, panel]
    row = 0
    while row < len(c):
        count = tile_rows(len(c) - row)
        expect(panel, count, row, c)
        expect(panel, count, row, new[0])
        expect(panel, count, row, new[1])
        for r in range(count):
            for column in range(COLUMNS):
                gates[r, column] = bias[column]
        multiply(count, row, of_x.codes, x_place, x_groups, sums)
        add_product(count, row, of_x, scale_x, sums, gates)
        multiply(count, row, of_h.codes, h_place, h_groups, sums)
        add_product(count, row, of_h, scale_h, sums, gates)
        open_gates(panel, count, row, gates, c, new[0], new[1])
        row += count


@compiled
def sequence_panel(
    panel: int, from_x: Array, matrix: Matrix, of_h: Rows, c: Array, new_h: Array, sums: Array, gates: Array
) -> None:
    """16 units of an lstm layer, one position, whose inputs' part and bias are there: from_x, shape = (R, P, 64).

    matrix: of the states. c: shape = (R, H), overwritten with the new one.
    """
    row, groups = 0, matrix.weights.shape[1]
    place = matrix.weights.ctypes.data + panel * groups * COLUMNS * BYTES
    while row < len(c):
        count = tile_rows(len(c) - row)
        expect(panel, count, row, c)
        expect(panel, count, row, new_h)
        for r in range(count):
            for column in range(COLUMNS):
                gates[r, column] = from_x[row + r, panel, column]
        multiply(count, row, of_h.codes, place, groups, sums)
        add_product(count, row, of_h, matrix.scale[panel], sums, gates)
        open_gates(panel, count, row, gates, c, new_h, c)
        row += count


@compiled
def pass_on(h: Array, x: Array, residual: bool) -> None:
    """A layer's output row to be the next one's input, on top of its own with `residual`."""
    for i in range(len(h)):
        x[i] = x[i] + h[i] if residual else h[i]
