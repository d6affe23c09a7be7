"""The compiled inner loops of lstm cells: 16 units of some rows, from products of codes to their new state.

Legend: R rows, P panels of 64 columns, G groups of 4 inputs, L layers, H hidden, M rows that were computed before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model_store.decoding.backends.simd import UNITS
from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.instructions import multiply_add, prefetch
from model_store.decoding.backends.simd.kernels import ONE, TWO, Array, Rows, multiply, sigmoid, tanh, tile_rows
from model_store.decoding.backends.simd.tiles import BYTES, COLUMNS


class Layers(NamedTuple):
    """lstm layers, the four gates of 16 units in a panel.

    of_x: weights of the inputs of all layers but the first, uint8, shape = (L - 1, P, G, 64, 4). of_h: of the states of
    all, shape = (L, P, G, 64, 4). scale_x, bias: float32, shape = (L - 1, P, 64). scale_h: shape = (L, P, 64).
    """

    of_x: Array
    of_h: Array
    scale_x: Array
    scale_h: Array
    bias: Array


class Known(NamedTuple):
    """What inputs add to a layer's gates, its bias included, computed before.

    gates: float32, shape = (M, P, 64). places: which of the M is each row's, int64, shape = (R,).
    """

    gates: Array
    places: Array


@compiled
def add_product(count: int, row: int, rows: Rows, weight_scale: Array, sums: Array, gates: Array) -> None:
    """Add a tile of `sums` to `gates`. weight_scale: of the panel, shape = (64,)."""
    for r in range(count):
        step, more = rows.scale[row + r], rows.raised[row + r]
        for c in range(COLUMNS):
            gates[r, c] += np.float32(np.int32(sums[r, c] - more)) * weight_scale[c] * step


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
            candidate = multiply_add(TWO, gates[r, 2 * UNITS + u], -ONE)
            value = gates[r, UNITS + u] * old[u] + gates[r, u] * candidate
            kept[u] = value
            shown[u] = gates[r, 3 * UNITS + u] * tanh(value)


@compiled
def expect(panel: int, count: int, row: int, units: Array) -> None:
    """Some rows of one panel's units, shape = (R, H), are needed soon."""
    for r in range(count):
        prefetch(units.ctypes.data + 4 * ((row + r) * units.shape[1] + panel * UNITS))


@compiled
def expect_known(panel: int, count: int, row: int, known: Known) -> None:
    """Some rows of what is known of one panel are needed soon."""
    for r in range(count):
        place = known.gates.ctypes.data + 4 * COLUMNS * (known.places[row + r] * known.gates.shape[1] + panel)
        for line in range(0, 4 * COLUMNS, 64):
            prefetch(place + line)


@compiled
def step_panel(
    panel: int, layer: int, layers: Layers, of_x: Rows, of_h: Rows, c: Array, new: Array, sums: Array, gates: Array
) -> None:
    """16 units of an lstm layer above the first, one step. c: shape = (R, H). new: its h and c, shape = (2, R, H)."""
    below, panels, groups = layer - 1, layers.of_h.shape[1], layers.of_h.shape[2]
    x_place = layers.of_x.ctypes.data + (below * panels + panel) * groups * COLUMNS * BYTES
    h_place = layers.of_h.ctypes.data + (layer * panels + panel) * groups * COLUMNS * BYTES
    scale_x, scale_h, bias = layers.scale_x[below, panel], layers.scale_h[layer, panel], layers.bias[below, panel]
    row = 0
    while row < len(c):
        count = tile_rows(len(c) - row)
        expect(panel, count, row, c)
        expect(panel, count, row, new[0])
        expect(panel, count, row, new[1])
        for r in range(count):
            for column in range(COLUMNS):
                gates[r, column] = bias[column]
        multiply(count, row, of_x.codes, x_place, groups, sums)
        add_product(count, row, of_x, scale_x, sums, gates)
        multiply(count, row, of_h.codes, h_place, groups, sums)
        add_product(count, row, of_h, scale_h, sums, gates)
        open_gates(panel, count, row, gates, c, new[0], new[1])
        row += count


@compiled
def known_panel(
    panel: int,
    layer: int,
    layers: Layers,
    known: Known,
    first: int,
    of_h: Rows,
    c: Array,
    new_h: Array,
    new_c: Array,
    sums: Array,
    gates: Array,
) -> None:
    """16 units of an lstm layer, one step, whose inputs' part is known, of these rows from the place `first` on.

    c, new_h, new_c: shape = (R, H); new_c may be c.
    """
    panels, groups = layers.of_h.shape[1], layers.of_h.shape[2]
    place = layers.of_h.ctypes.data + (layer * panels + panel) * groups * COLUMNS * BYTES
    scale = layers.scale_h[layer, panel]
    row = 0
    while row < len(c):
        count = tile_rows(len(c) - row)
        expect_known(panel, count, first + row, known)
        expect(panel, count, row, c)
        expect(panel, count, row, new_h)
        expect(panel, count, row, new_c)
        multiply(count, row, of_h.codes, place, groups, sums)
        for r in range(count):
            for column in range(COLUMNS):
                gates[r, column] = known.gates[known.places[first + row + r], panel, column]
        add_product(count, row, of_h, scale, sums, gates)
        open_gates(panel, count, row, gates, c, new_h, new_c)
        row += count


@compiled
def pass_on(h: Array, x: Array, residual: bool) -> None:
    """A layer's output row to be the next one's input, on top of its own with `residual`."""
    for i in range(len(h)):
        x[i] = x[i] + h[i] if residual else h[i]
