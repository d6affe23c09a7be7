"""Logits of some tokens only, others for each slot: dot products with rows of the projection, wherever they lie.

Legend: R rows, I inputs filled up to a multiple of 64, V vocabulary, N slots, K beam width, Q panels of 64 candidates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from model_store.decoding.backends.simd.choosing import NEVER
from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.instructions import prefetch
from model_store.decoding.backends.simd.kernels import Array, Rows
from model_store.decoding.backends.simd.phases import encode_rows
from model_store.decoding.backends.simd.team import finish, take, wait
from model_store.decoding.backends.simd.tiles import (
    BLOCK,
    CODE_BYTES,
    COLUMNS,
    DOT_COLUMNS,
    DOT_ROWS,
    dots_1,
    dots_2,
    dots_3,
    dots_4,
)


class Tokens(NamedTuple):
    """A linear layer whose outputs are looked at one by one.

    weights: codes raised by ZERO, uint8, shape = (V, I). scale, bias: float32, shape = (V,).
    """

    weights: Array
    scale: Array
    bias: Array


@compiled
def dots(count: int, inputs: int, stride: int, places: Array, blocks: int, sums: Array) -> None:
    """The products of `count` rows, 1 to 4, with four tokens. inputs: address. places: addresses of their weights."""
    first, second, third, fourth, out = places[0], places[1], places[2], places[3], sums.ctypes.data
    if count == 4:
        dots_4(inputs, stride, first, second, third, fourth, blocks, out)
    elif count == 3:
        dots_3(inputs, stride, first, second, third, fourth, blocks, out)
    elif count == 2:
        dots_2(inputs, stride, first, second, third, fourth, blocks, out)
    else:
        dots_1(inputs, stride, first, second, third, fourth, blocks, out)


@compiled
def four_tokens(
    first: int, width: int, rows: Rows, tokens: Tokens, ids: Array, logits: Array, places: Array, sums: Array
) -> None:
    """Logits of the rows from `first` on. ids: of four tokens, -1 for none. logits: shape = (K, 4), in place."""
    blocks, size = tokens.weights.shape[1] // BLOCK, tokens.weights.shape[1]
    stride = rows.codes.shape[1] * CODE_BYTES
    for column in range(DOT_COLUMNS):
        places[column] = tokens.weights.ctypes.data + max(ids[column], 0) * size
    row = 0
    while row < width:
        count = min(DOT_ROWS, width - row)
        dots(count, rows.codes.ctypes.data + (first + row) * stride, stride, places, blocks, sums)
        for r in range(count):
            step, more = rows.scale[first + row + r], rows.raised[first + row + r]
            for column in range(DOT_COLUMNS):
                token = ids[column]
                if token < 0:
                    logits[row + r, column] = NEVER
                else:
                    value = np.float32(np.int32(sums[r * DOT_COLUMNS + column] - more)) * tokens.scale[token] * step
                    logits[row + r, column] = value + tokens.bias[token]
        row += count


@compiled
def logits_among(
    thread: int,
    counters: Array,
    x: Array,
    rows: Rows,
    tokens: Tokens,
    candidates: Array,
    logits: Array,
    places: Array,
    sums: Array,
) -> None:
    """Logits of each slot's candidates, in two phases.

    x: shape = (N * K, I). rows: to work in, codes of width I. candidates: ids, -1 for none, int64, shape = (N, Q, 64).
    logits: what is found, shape = (N, K, Q, 64). To work in: places: int64, sums: int32, shape = (T, 4), (T, 16).
    """
    slots, width, panels = logits.shape[:3]
    encode_rows(counters, 0, x, rows)
    while True:
        piece = take(counters, 1, slots * panels)
        if piece < 0:
            break
        slot, panel = piece // panels, piece % panels
        ids = candidates[slot, panel]
        for column in range(0, COLUMNS, DOT_COLUMNS):
            for ahead in range(column + DOT_COLUMNS, min(column + 2 * DOT_COLUMNS, COLUMNS)):
                prefetch(tokens.weights.ctypes.data + max(ids[ahead], 0) * tokens.weights.shape[1])
            some = slice(column, column + DOT_COLUMNS)
            out = logits[slot, :, panel, some]
            four_tokens(slot * width, width, rows, tokens, ids[some], out, places[thread], sums[thread])
        finish(counters, 1)
    wait(counters, 1, slots * panels)
