"""Products of codes by AVX2, in LLVM's words: the same integers as of other sets.

Its instruction for products of bytes, vpmaddubsw, adds two of them in 16 bits, which are too few for 2 * 255 * 127. So
bytes are made 16 bits wide, and vpmaddwd adds two of their products in 32 bits, exactly. Weights lie in memory as
bytes: of two neighbours one is a number of 16 bits when the other is masked, and that one when it is moved down. Inputs
are fewer and have 16 bits from the start.

A tile goes through its panel of weights once for every 16 columns, and so through memory by leaps, which processors do
not foresee. Meanwhile it has the panel behind it read, line by line: that is the next, or the one of another thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from model_store.decoding.backends.simd.building import (
    I16,
    I32,
    I64,
    NEXT,
    at,
    load,
    pointer,
    prefetch,
    repeated,
    summed,
)

ROWS = 4  # of the largest tile: 4 * 2 sums, 2 * 2 vectors of weights, 2 of inputs and one of products, of 16 registers
CODE = np.int16  # of inputs
PLACES = (0, 2, 1, 3)  # of the inputs of a group, which of them its bytes are: inputs 0 and 1 are bytes 0 and 2
PRODUCTS_A_US = 70_000  # with their sums, of one thread: on a Zen 3 at 3 GHz or so
_VECTORS = 2  # of columns that pass by together: a line of 64 bytes in a group
_SUMS, _NUMBERS = ir.VectorType(I32, 8), ir.VectorType(I16, 16)
_LOW, _BYTE = ir.Constant(_NUMBERS, [0xFF] * 16), ir.Constant(_NUMBERS, [8] * 16)


def _add_products(builder: ir.IRBuilder, sums: Any, ones: Any, others: Any) -> Any:
    kind = ir.FunctionType(_SUMS, [_NUMBERS, _NUMBERS])
    function = builder.module.declare_intrinsic("llvm.x86.avx2.pmadd.wd", fnty=kind)
    return builder.add(sums, builder.call(function, [ones, others]))


def write_tile(builder: ir.IRBuilder, rows: int, columns: int, arguments: Sequence[Any]) -> None:
    """As tiles.tile."""
    inputs, stride, weights, groups, sums = arguments
    behind = at(builder, weights, 4 * columns, groups)  # the next panel
    for first in range(0, columns, 8 * _VECTORS):

        def turn(group: Any, held: Sequence[Any], first: int = first) -> Sequence[Any]:
            here = at(builder, builder.add(weights, I64(4 * first)), 4 * columns, group)
            prefetch(builder, at(builder, at(builder, behind, 4 * first, groups), 32 * _VECTORS, group), NEXT)
            of_weights = []
            for v in range(_VECTORS):
                four = builder.bitcast(load(builder, _SUMS, at(builder, here, 32, v), 32), _NUMBERS)
                of_weights.append((builder.and_(four, _LOW), builder.lshr(four, _BYTE)))
            added: list[Any] = []
            for row in range(rows):
                place = at(builder, at(builder, inputs, stride, row), 8, group)
                pairs = [builder.bitcast(repeated(builder, _SUMS, at(builder, place, 4, p)), _NUMBERS) for p in (0, 1)]
                for two_and_two in of_weights:
                    total = held[len(added)]
                    for two, pair in zip(two_and_two, pairs, strict=True):
                        total = _add_products(builder, total, two, pair)
                    added.append(total)
            return added

        for index, value in enumerate(summed(builder, groups, _SUMS, rows * _VECTORS, turn)):
            row, vector = divmod(index, _VECTORS)
            place = builder.add(sums, I64(4 * (row * columns + first + 8 * vector)))
            builder.store(value, pointer(builder, _SUMS, place), align=4)


def write_dots(builder: ir.IRBuilder, rows: int, arguments: Sequence[Any]) -> None:
    """As tiles.dots."""
    inputs, stride, *columns, blocks, sums = arguments
    bytes_of_16 = ir.VectorType(ir.IntType(8), 16)

    def turn(part: Any, held: Sequence[Any]) -> Sequence[Any]:
        of_weights = [
            builder.zext(load(builder, bytes_of_16, at(builder, column, 16, part), 1), _NUMBERS) for column in columns
        ]
        added: list[Any] = []
        for row in range(rows):
            of_inputs = load(builder, _NUMBERS, at(builder, at(builder, inputs, stride, row), 32, part), 1)
            added += [_add_products(builder, held[len(added) + c], of_weights[c], of_inputs) for c in range(4)]
        return added

    total = builder.module.declare_intrinsic("llvm.vector.reduce.add.v8i32", fnty=ir.FunctionType(I32, [_SUMS]))
    parts = builder.mul(blocks, I64(4))
    for index, value in enumerate(summed(builder, parts, _SUMS, rows * len(columns), turn)):
        place = pointer(builder, I32, at(builder, sums, 4, index))
        builder.store(builder.call(total, [value]), place, align=4)
