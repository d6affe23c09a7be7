"""What the threads of a team run together: a linear layer, the layers of a step, a layer over whole sequences.

Legend: R rows, I inputs, O outputs, P panels of 64 columns, L layers, H hidden, N positions, S tokens of all sequences,
B sequences.
"""

from __future__ import annotations

from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.kernels import (
    Array,
    Matrix,
    Room,
    Rows,
    encode_row,
    linear_panel,
    squash_panel,
)
from model_store.decoding.backends.simd.lstm import Known, Layers, known_panel, pass_on, step_panel
from model_store.decoding.backends.simd.team import finish, take, wait

ROWS_A_PIECE = 8
PANELS_A_PIECE = 2


@compiled
def pieces_of(total: int, size: int) -> int:
    return (total + size - 1) // size


@compiled
def encode_rows(counters: Array, phase: int, x: Array, rows: Rows) -> None:
    """One phase. x: shape = (R, I)."""
    pieces = pieces_of(len(x), ROWS_A_PIECE)
    while True:
        piece = take(counters, phase, pieces)
        if piece < 0:
            break
        for row in range(piece * ROWS_A_PIECE, min((piece + 1) * ROWS_A_PIECE, len(x))):
            encode_row(x[row], row, rows)
        finish(counters, phase)
    wait(counters, phase, pieces)


@compiled
def linear(
    thread: int, counters: Array, x: Array, rows: Rows, matrix: Matrix, squash: bool, y: Array, room: Room
) -> None:
    """y = x W^T + b, or its tanh, in two phases. x: shape = (R, I). rows: to work in. y: shape = (R, P, 64)."""
    encode_rows(counters, 0, x, rows)
    panels = len(matrix.bias)
    pieces = pieces_of(panels, PANELS_A_PIECE)
    while True:
        piece = take(counters, 1, pieces)
        if piece < 0:
            break
        for panel in range(piece * PANELS_A_PIECE, min((piece + 1) * PANELS_A_PIECE, panels)):
            linear_panel(panel, rows, matrix, y, room.sums[thread])
            if squash:
                squash_panel(panel, y)
        finish(counters, 1)
    wait(counters, 1, pieces)


@compiled
def pass_between(
    row: int, layer: int, state: Array, residual: bool, of_x: Rows, of_h: Rows, x: Array, new: Array
) -> None:
    """A row between two layers, or before the first or behind the last: what `layer` reads, and what it is to read."""
    if layer:
        pass_on(new[layer - 1, 0, row], x[row], residual and layer > 1)
    if layer < len(state):
        encode_row(state[layer, 0, row], row, of_h)
        if layer:
            encode_row(x[row], row, of_x)


@compiled
def work_on_panel(
    panel: int,
    layer: int,
    layers: Layers,
    known: Known,
    of_x: Rows,
    of_h: Rows,
    c: Array,
    new: Array,
    thread: int,
    room: Room,
) -> None:
    """16 units of a layer, one step. known: of the first. c: shape = (R, H). new: its h and c, shape = (2, R, H)."""
    sums, gates = room.sums[thread], room.gates[thread]
    if layer:
        step_panel(panel, layer, layers, of_x, of_h, c, new, sums, gates)
    else:
        known_panel(panel, layer, layers, known, 0, of_h, c, new[0], new[1], sums, gates)


@compiled
def step_layers(
    thread: int,
    counters: Array,
    known: Known,
    state: Array,
    residual: bool,
    layers: Layers,
    of_x: Rows,
    of_h: Rows,
    x: Array,
    new: Array,
    room: Room,
) -> None:
    """One step of lstm layers on top of each other: two phases a layer and one more.

    known: of the first layer. state, new: shape = (L, 2, R, H). of_x, of_h: to work in. x: the output, shape = (R, H).
    """
    count, rows, panels = len(state), len(x), layers.of_h.shape[1]
    pieces = pieces_of(rows, ROWS_A_PIECE)
    for layer in range(count + 1):
        while True:
            piece = take(counters, 2 * layer, pieces)
            if piece < 0:
                break
            for row in range(piece * ROWS_A_PIECE, min((piece + 1) * ROWS_A_PIECE, rows)):
                pass_between(row, layer, state, residual, of_x, of_h, x, new)
            finish(counters, 2 * layer)
        wait(counters, 2 * layer, pieces)
        while layer < count:
            panel = take(counters, 2 * layer + 1, panels)
            if panel < 0:
                break
            work_on_panel(panel, layer, layers, known, of_x, of_h, state[layer, 1], new[layer], thread, room)
            finish(counters, 2 * layer + 1)
        if layer < count:
            wait(counters, 2 * layer + 1, panels)


@compiled
def run_layer(
    thread: int,
    counters: Array,
    layer: int,
    layers: Layers,
    known: Known,
    live: Array,
    of_h: Rows,
    h: Array,
    outputs: Array,
    c: Array,
    room: Room,
) -> None:
    """One lstm layer over sequences, whose inputs' part is known, two phases a position.

    known: of S rows, position after position. live: how many sequences have each position, never growing, shape =
    (N,). of_h: to work in. h: what sequences begin with, shape = (B, H). outputs: shape = (S, H). c: the cells that
    they begin with, then the last of each, shape = (B, H).
    """
    before, start, panels = 0, 0, layers.of_h.shape[1]
    for position in range(len(live)):
        count, phase = live[position], 2 * position
        encode_rows(counters, phase, outputs[before : before + count] if position else h[:count], of_h)
        while True:
            panel = take(counters, phase + 1, panels)
            if panel < 0:
                break
            sums, gates, new_h = room.sums[thread], room.gates[thread], outputs[start : start + count]
            known_panel(panel, layer, layers, known, start, of_h, c[:count], new_h, c[:count], sums, gates)
            finish(counters, phase + 1)
        wait(counters, phase + 1, panels)
        before, start = start, start + count
