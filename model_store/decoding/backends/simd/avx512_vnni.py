"""Products of codes by AVX-512 VNNI, in LLVM's words.

Its instruction vpdpbusd multiplies 64 unsigned by 64 signed bytes and adds groups of four to 16 integers of 32 bits,
exactly. The registers hold the sums of a tile while all inputs pass by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from model_store.decoding.backends.simd.building import I32, at, load, pointer, repeated, summed

ROWS = 6  # of the largest tile: 6 * 4 sums, 4 vectors of weights and one of inputs fill 29 of 32 registers
CODE = np.int8  # of inputs
PLACES = (0, 1, 2, 3)  # of the inputs of a group, which of them its bytes are
PRODUCTS_A_US = 200_000  # with their sums, of one thread: on a Zen 4 at 3 GHz or so
_VECTOR = ir.VectorType(I32, 16)


def _multiply_add(builder: ir.IRBuilder, sums: Any, unsigned: Any, signed: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR])
    function = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", fnty=kind)
    return builder.call(function, [sums, unsigned, signed])


def write_tile(builder: ir.IRBuilder, rows: int, columns: int, arguments: Sequence[Any]) -> None:
    """As tiles.tile."""
    inputs, stride, weights, groups, sums = arguments
    vectors = columns // 16

    def turn(group: Any, held: Sequence[Any]) -> Sequence[Any]:
        here = at(builder, weights, 4 * columns, group)
        of_weights = [load(builder, _VECTOR, at(builder, here, 64, v), 64) for v in range(vectors)]
        added: list[Any] = []
        for row in range(rows):
            four = repeated(builder, _VECTOR, at(builder, at(builder, inputs, stride, row), 4, group))
            added += [_multiply_add(builder, held[len(added) + v], of_weights[v], four) for v in range(vectors)]
        return added

    for index, value in enumerate(summed(builder, groups, _VECTOR, rows * vectors, turn)):
        builder.store(value, pointer(builder, _VECTOR, at(builder, sums, 64, index)), align=4)


def write_dots(builder: ir.IRBuilder, rows: int, arguments: Sequence[Any]) -> None:
    """As tiles.dots."""
    inputs, stride, *columns, blocks, sums = arguments

    def turn(block: Any, held: Sequence[Any]) -> Sequence[Any]:
        of_weights = [load(builder, _VECTOR, at(builder, column, 64, block), 1) for column in columns]
        added: list[Any] = []
        for row in range(rows):
            place = at(builder, at(builder, inputs, stride, row), 64, block)
            of_inputs = load(builder, _VECTOR, place, 1)
            added += [_multiply_add(builder, held[len(added) + c], of_weights[c], of_inputs) for c in range(4)]
        return added

    total = builder.module.declare_intrinsic("llvm.vector.reduce.add.v16i32", fnty=ir.FunctionType(I32, [_VECTOR]))
    for index, value in enumerate(summed(builder, blocks, _VECTOR, rows * len(columns), turn)):
        place = pointer(builder, I32, at(builder, sums, 4, index))
        builder.store(builder.call(total, [value]), place, align=4)
