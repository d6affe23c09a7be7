"""The compiled inner loops: rows to codes, products of codes, functions of an element.

Each function works on some rows or on one panel, which is 64 columns of a product, and is called for all of them by
phases.py. Whatever the share of the work, an element is computed by the same operations in the same order.

Legend: R rows, I inputs, G groups of 4 inputs, P panels of 64 columns, T threads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.instructions import multiply_add, power_of_two
from model_store.decoding.backends.simd.tiles import (
    BYTES,
    CODE_BYTES,
    COLUMNS,
    ROWS,
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

    codes: of the type CODE, shape = (R, 4 * G). scale: float32, shape = (R,). raised: what ZERO in the weights adds to
    a row's products, int32, shape = (R,).
    """

    codes: Array
    scale: Array
    raised: Array


class Matrix(NamedTuple):
    """A linear layer.

    weights: codes raised by ZERO, uint8, shape = (P, G, 64, 4), a group's in the order of PLACES. scale, bias: float32,
    shape = (P, 64).
    """

    weights: Array
    scale: Array
    bias: Array


class Room(NamedTuple):
    """To work in. sums: int32, gates: float32, shape = (T, ROWS, 64)."""

    sums: Array
    gates: Array


LEVELS = np.float32(127)
WITHOUT_SIGN = np.int32(0x7FFFFFFF)  # bits of a float32
ZERO = 128  # what codes of weights are raised by to be unsigned
TINY = np.finfo(np.float32).tiny
_LOG2_E = np.float32(1.44269504)
_MINUS_LN2_HIGH, _MINUS_LN2_LOW = np.float32(-0.693359375), np.float32(2.12194440e-4)
ONE, TWO, _HALF = np.float32(1), np.float32(2), np.float32(0.5)
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
    n = np.floor(multiply_add(x, _LOG2_E, _HALF))
    x = multiply_add(n, _MINUS_LN2_LOW, multiply_add(n, _MINUS_LN2_HIGH, x))
    y = multiply_add(
        multiply_add(multiply_add(multiply_add(multiply_add(_C0, x, _C1), x, _C2), x, _C3), x, _C4), x, _C5
    )
    return multiply_add(y, x * x, x + ONE) * power_of_two(n)


@compiled
def sigmoid(x: Any) -> Any:
    return ONE / (ONE + exp(-x))


@compiled
def tanh(x: Any) -> Any:
    return multiply_add(TWO, sigmoid(TWO * x), -ONE)


@compiled
def encode_row(x: Array, row: int, rows: Rows) -> None:
    """x: float32, shape = (I,)."""
    codes, bits, largest = rows.codes[row], x.view(np.int32), np.int32(0)
    for i in range(len(x)):  # as integers, of which a vector is compared at once; NaN is the largest
        largest = max(largest, bits[i] & WITHOUT_SIGN)
    rows.scale.view(np.int32)[row] = largest
    step = max(rows.scale[row] / LEVELS, TINY)
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
    """The products of `count` rows, 1 to ROWS, from `row` on. weights: address of a panel. sums: shape = (ROWS, 64)."""
    stride, out = codes.shape[1] * CODE_BYTES, sums.ctypes.data
    inputs = codes.ctypes.data + row * stride
    if ROWS > 5 and count == 6:
        tile_6(inputs, stride, weights, groups, out)
    elif ROWS > 4 and count == 5:
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
                value = np.float32(np.int32(sums[r, c] - more)) * matrix.scale[panel, c] * step
                y[row + r, panel, c] = value + matrix.bias[panel, c]
        row += count


@compiled
def squash_panel(panel: int, y: Array) -> None:
    """The tanh of one panel."""
    for r in range(len(y)):
        for c in range(COLUMNS):
            y[r, panel, c] = tanh(y[r, panel, c])
