"""What the threads of a team run together: a linear layer, the layers of a step, a layer over whole sequences.

Legend: R rows, I inputs, O outputs, P panels of 64 columns, L layers, H hidden, N positions, S tokens of all sequences,
B sequences.
"""

from __future__ import annotations

from model_store.decoding.backends.vnni.compiled import compiled
from model_store.decoding.backends.vnni.kernels import (
    Array,
    Layers,
    Matrix,
    Room,
    Rows,
    encode_row,
    linear_panel,
    pass_on,
    sequence_panel,
    squash_panel,
    step_panel,
)
from model_store.decoding.backends.vnni.team import finish, take, wait

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
def step_layers(
    thread: int,
    counters: Array,
    first: Array,
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

    first: the input, shape = (R, E). state, new: shape = (L, 2, R, H). of_x, of_h: to work in. x: the output, shape =
    (R, H).
    """
    count, rows, panels = len(layers.bias), len(first), layers.bias.shape[1]
    pieces = pieces_of(rows, ROWS_A_PIECE)
    for layer in range(count + 1):
        while True:
            piece = take(counters, 2 * layer, pieces)
            if piece < 0:
                break
            for row in range(piece * ROWS_A_PIECE, min((piece + 1) * ROWS_A_PIECE, rows)):
                if layer:
                    pass_on(new[layer - 1, 0, row], x[row], residual and layer > 1)
                if layer < count:
                    encode_row(x[row] if layer else first[row], row, of_x)
                    encode_row(state[layer, 0, row], row, of_h)
            finish(counters, 2 * layer)
        wait(counters, 2 * layer, pieces)
        while layer < count:
            panel = take(counters, 2 * layer + 1, panels)
            if panel < 0:
                break
            sums, gates = room.sums[thread], room.gates[thread]
            step_panel(panel, layer, layers, of_x, of_h, state[layer, 1], new[layer], sums, gates)
            finish(counters, 2 * layer + 1)
        if layer < count:
            wait(counters, 2 * layer + 1, panels)


@compiled
def run_layer(
    thread: int,
    counters: Array,
    x: Array,
    live: Array,
    inputs: Matrix,
    states: Matrix,
    of_x: Rows,
    of_h: Rows,
    from_x: Array,
    h: Array,
    outputs: Array,
    c: Array,
    room: Room,
) -> None:
    """One lstm layer over sequences, whose inputs' part is one product: two phases, and two a position.

    x: position after position, shape = (S, I). live: how many sequences have each position, never growing, shape =
    (N,). of_x, of_h, from_x, the last of shape (S, P, 64): to work in. h: what sequences begin with, shape = (B, H).
    outputs: shape = (S, H). c: the cells that they begin with, then the last of each, shape = (B, H).
    """
    linear(thread, counters, x, of_x, inputs, False, from_x, room)
    before, start, panels = 0, 0, len(states.bias)
    for position in range(len(live)):
        count, phase = live[position], 2 + 2 * position
        encode_rows(counters, phase, outputs[before : before + count] if position else h[:count], of_h)
        while True:
            panel = take(counters, phase + 1, panels)
            if panel < 0:
                break
            sums, gates, end = room.sums[thread], room.gates[thread], start + count
            sequence_panel(panel, from_x[start:end], states, of_h, c[:count], outputs[start:end], sums, gates)
            finish(counters, phase + 1)
        wait(counters, phase + 1, panels)
        before, start = start, start + count
