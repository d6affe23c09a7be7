"""Tiles of products of codes, by the instructions of this processor: a few rows by 64 columns, and a few by four.

What differs between instruction sets is in modules of the same names: avx512_vnni, avx2. The integers do not.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numba import types

from model_store.decoding.backends.simd import UNITS, InstructionSet, instruction_sets
from model_store.decoding.backends.simd.building import instruction

COLUMNS = 4 * UNITS
BYTES = 4  # inputs in a group, whose weights for a column lie side by side
BLOCK = 64  # inputs that dots are taken in multiples of
DOT_ROWS = 4  # of the largest tile of dots
DOT_COLUMNS = 4


def words_of(name: InstructionSet) -> ModuleType:
    """The module of an instruction set."""
    return import_module(f"model_store.decoding.backends.simd.{name}")


_words = words_of((*instruction_sets(), "avx2")[0])  # whoever has none may import this, and compiles nothing
ROWS: int = _words.ROWS  # of the largest tile, at most 6
CODE: Any = _words.CODE
CODE_BYTES: int = np.dtype(CODE).itemsize
PLACES: tuple[int, ...] = _words.PLACES
PRODUCTS_A_US: int = _words.PRODUCTS_A_US


def tile(rows: int, words: ModuleType = _words) -> Callable[..., None]:
    """sums[r, c] = sum over i of inputs[r, i] * weights[i, c], for `rows` rows and COLUMNS columns.

    inputs: address of CODE, `stride` bytes from row to row. weights: address of unsigned bytes, `groups` times 64
    columns times 4 inputs, in the order of PLACES, on a multiple of 64. sums: address of int32, shape = (rows, 64).
    """

    @instruction
    def tile(_context: Any, _inputs: Any, _stride: Any, _weights: Any, _groups: Any, _sums: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            words.write_tile(builder, rows, COLUMNS, arguments)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 5), generate

    return tile


def dots(rows: int, words: ModuleType = _words) -> Callable[..., None]:
    """sums[r, c] = sum over i of inputs[r, i] * weights[c, i], for `rows` rows and four columns that lie anywhere.

    inputs: address of CODE, `stride` bytes from row to row. first, second, third, fourth: addresses of unsigned bytes.
    blocks: of 64 inputs. sums: address of int32, shape = (rows, 4).
    """

    @instruction
    def dots(
        _context: Any,
        _inputs: Any,
        _stride: Any,
        _first: Any,
        _second: Any,
        _third: Any,
        _fourth: Any,
        _blocks: Any,
        _sums: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            words.write_dots(builder, rows, arguments)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 8), generate

    return dots


tile_1, tile_2, tile_3, tile_4, tile_5, tile_6 = (tile(rows) for rows in range(1, 7))
dots_1, dots_2, dots_3, dots_4 = (dots(rows) for rows in range(1, DOT_ROWS + 1))
