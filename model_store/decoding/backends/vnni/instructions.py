"""What Numba has no words for, in LLVM's: a tile of 8-bit products, powers of two, counters that threads share.

A tile is a few rows by 64 columns, which the registers of AVX-512 hold while all inputs pass by: the instruction
vpdpbusd (VNNI) multiplies 64 unsigned by 64 signed bytes and adds groups of four to 16 integers of 32 bits, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from model_store.decoding.backends.vnni import UNITS

ROWS = 6  # of the largest tile: 6 * 4 sums, 4 vectors of weights and one of inputs fill 29 of 32 registers
COLUMNS = 4 * UNITS
BYTES = 4  # inputs that one instruction takes for each column
DOT_ROWS = 4  # of the largest tile of dots: 4 * 4 sums, 4 vectors of weights and one of inputs
DOT_COLUMNS = 4
_LANES = 16
_VECTORS = COLUMNS // _LANES

_I32, _I64, _F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()
_VECTOR = ir.VectorType(_I32, _LANES)
_UNDEFINED = ir.Constant(_VECTOR, ir.Undefined)
_ZEROS = ir.Constant(_VECTOR, [0] * _LANES)


def _instruction(typed: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's intrinsic, which takes a function from types to a signature and to what writes the instructions."""
    return cast(Callable[..., Any], intrinsic(typed))


def _tile(rows: int) -> Callable[..., None]:
    """sums[r, c] = sum over i of inputs[r, i] * weights[i, c], for `rows` rows and COLUMNS columns.

    inputs: address of signed bytes, `stride` bytes from row to row. weights: address of unsigned bytes, `groups` times
    64 columns times 4 inputs, on a multiple of 64. sums: address of int32, shape = (rows, 64).
    """

    @_instruction
    def tile(_context: Any, _inputs: Any, _stride: Any, _weights: Any, _groups: Any, _sums: Any) -> Any:
        def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
            inputs, stride, weights, groups, sums = arguments
            kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR])
            multiply = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", fnty=kind)
            before = builder.block
            loop, after = builder.append_basic_block("tile"), builder.append_basic_block("tile.end")
            builder.branch(loop)
            builder.position_at_end(loop)
            group = builder.phi(_I64)
            group.add_incoming(_I64(0), before)
            held = [builder.phi(_VECTOR) for _sum in range(rows * _VECTORS)]
            at = builder.add(weights, builder.mul(group, _I64(COLUMNS * BYTES)))
            of_weights = [_load(builder, _VECTOR, builder.add(at, _I64(64 * v)), 64) for v in range(_VECTORS)]
            added = []
            for row in range(rows):
                place = builder.add(
                    builder.add(inputs, builder.mul(stride, _I64(row))), builder.mul(group, _I64(BYTES))
                )
                four = builder.insert_element(_UNDEFINED, _load(builder, _I32, place, 1), _I32(0))
                four = builder.shuffle_vector(four, _UNDEFINED, _ZEROS)
                added += [
                    builder.call(multiply, [held[row * _VECTORS + v], of_weights[v], four]) for v in range(_VECTORS)
                ]
            for phi, value in zip(held, added, strict=True):
                phi.add_incoming(_ZEROS, before)
                phi.add_incoming(value, loop)
            following = builder.add(group, _I64(1))
            group.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, groups), loop, after)
            builder.position_at_end(after)
            for index, value in enumerate(added):
                place = builder.inttoptr(builder.add(sums, _I64(64 * index)), _VECTOR.as_pointer())
                builder.store(value, place, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 5), generate

    return tile


def _load(builder: ir.IRBuilder, kind: ir.Type, address: Any, align: int) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=align)


tile_1, tile_2, tile_3, tile_4, tile_5, tile_6 = (_tile(rows) for rows in range(1, ROWS + 1))


def _dots(rows: int) -> Callable[..., None]:
    """sums[r, c] = sum over i of inputs[r, i] * weights[c, i], for `rows` rows and four columns that lie anywhere.

    inputs: address of signed bytes, `stride` bytes from row to row. first, second, third, fourth: addresses of unsigned
    bytes. blocks: of 64 inputs. sums: address of int32, shape = (rows, 4).
    """

    @_instruction
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
        def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
            inputs, stride, *columns, blocks, sums = arguments
            kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR])
            multiply = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", fnty=kind)
            before = builder.block
            loop, after = builder.append_basic_block("dots"), builder.append_basic_block("dots.end")
            builder.branch(loop)
            builder.position_at_end(loop)
            block = builder.phi(_I64)
            block.add_incoming(_I64(0), before)
            held = [builder.phi(_VECTOR) for _sum in range(rows * DOT_COLUMNS)]
            at = builder.mul(block, _I64(64))
            of_weights = [_load(builder, _VECTOR, builder.add(column, at), 1) for column in columns]
            added = []
            for row in range(rows):
                place = builder.add(builder.add(inputs, builder.mul(stride, _I64(row))), at)
                of_inputs = _load(builder, _VECTOR, place, 1)
                added += [
                    builder.call(multiply, [held[row * DOT_COLUMNS + c], of_weights[c], of_inputs])
                    for c in range(DOT_COLUMNS)
                ]
            for phi, value in zip(held, added, strict=True):
                phi.add_incoming(_ZEROS, before)
                phi.add_incoming(value, loop)
            following = builder.add(block, _I64(1))
            block.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, blocks), loop, after)
            builder.position_at_end(after)
            summed = builder.module.declare_intrinsic(
                "llvm.vector.reduce.add.v16i32", fnty=ir.FunctionType(_I32, [_VECTOR])
            )
            for index, value in enumerate(added):
                place = builder.inttoptr(builder.add(sums, _I64(4 * index)), _I32.as_pointer())
                builder.store(builder.call(summed, [value]), place, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 8), generate

    return dots


dots_1, dots_2, dots_3, dots_4 = (_dots(rows) for rows in range(1, DOT_ROWS + 1))


@_instruction
def largest_of(_context: Any, _address: Any) -> Any:
    """The largest of the COLUMNS float32 at an address, none of which is NaN."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        def larger(one: Any, other: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)

        kind = ir.VectorType(_F32, _LANES)
        vectors = [_load(builder, kind, builder.add(arguments[0], _I64(64 * v)), 4) for v in range(_VECTORS)]
        largest, width = reduce(larger, vectors), _LANES
        while width > 1:
            width //= 2
            halves = (ir.Constant(ir.VectorType(_I32, width), [*range(at, at + width)]) for at in (0, width))
            largest = larger(*(builder.shuffle_vector(largest, largest, half) for half in halves))
        return builder.extract_element(largest, _I32(0))

    return types.float32(types.intp), generate


@_instruction
def multiply_add(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """a * b + c of float32, rounded once."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@_instruction
def power_of_two(_context: Any, _exponent: Any) -> Any:
    """2 ** exponent, for a whole float32 of -126 to 127."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        exponent = builder.add(builder.fptosi(arguments[0], _I32), _I32(127))
        return builder.bitcast(builder.shl(exponent, _I32(23)), _F32)

    return types.float32(types.float32), generate


@_instruction
def prefetch(_context: Any, _address: Any) -> Any:
    """Have the cache read what is at an address, without waiting for it."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], fnty=kind)
        builder.call(function, [builder.inttoptr(arguments[0], pointer), _I32(0), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@_instruction
def fetch_add(_context: Any, _address: Any, _amount: Any) -> Any:
    """Add to the int64 at an address, in one go among all threads; returns what was there."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        address, amount = arguments
        return builder.atomic_rmw("add", builder.inttoptr(address, _I64.as_pointer()), amount, "seq_cst")

    return types.int64(types.intp, types.int64), generate


@_instruction
def fetch(_context: Any, _address: Any) -> Any:
    """The int64 at an address, as other threads left it."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.intp), generate


@_instruction
def yield_processor(_context: Any) -> Any:
    """Let another thread have this processor: sched_yield of the C library."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, _arguments: Any) -> Any:
        declare: Callable[..., Any] = get_or_insert_function
        return builder.call(declare(builder.module, ir.FunctionType(_I32, []), "sched_yield"), [])

    return types.int32(), generate
