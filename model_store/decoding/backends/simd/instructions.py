"""What Numba has no words for, in LLVM's: powers of two, fused products, counters that threads share."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function

from model_store.decoding.backends.simd import building
from model_store.decoding.backends.simd.building import F32, I32, I64, instruction, load
from model_store.decoding.backends.simd.tiles import COLUMNS

_LANES = 16


@instruction
def largest_of(_context: Any, _address: Any) -> Any:
    """The largest of the COLUMNS float32 at an address, none of which is NaN."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        def larger(one: Any, other: Any) -> Any:
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)

        kind = ir.VectorType(F32, _LANES)
        vectors = [load(builder, kind, builder.add(arguments[0], I64(64 * v)), 4) for v in range(COLUMNS // _LANES)]
        largest, width = reduce(larger, vectors), _LANES
        while width > 1:
            width //= 2
            halves = (ir.Constant(ir.VectorType(I32, width), [*range(at, at + width)]) for at in (0, width))
            largest = larger(*(builder.shuffle_vector(largest, largest, half) for half in halves))
        return builder.extract_element(largest, I32(0))

    return types.float32(types.intp), generate


@instruction
def multiply_add(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """a * b + c of float32, rounded once."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@instruction
def power_of_two(_context: Any, _exponent: Any) -> Any:
    """2 ** exponent, for a whole float32 of -126 to 127."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        exponent = builder.add(builder.fptosi(arguments[0], I32), I32(127))
        return builder.bitcast(builder.shl(exponent, I32(23)), F32)

    return types.float32(types.float32), generate


@instruction
def prefetch(_context: Any, _address: Any) -> Any:
    """Have the cache read what is at an address, without waiting for it."""

    def generate(context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        building.prefetch(builder, arguments[0], building.NEAR)
        return context.get_dummy_value()

    return types.void(types.intp), generate


@instruction
def fetch_add(_context: Any, _address: Any, _amount: Any) -> Any:
    """Add to the int64 at an address, in one go among all threads; returns what was there."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        address, amount = arguments
        return builder.atomic_rmw("add", builder.inttoptr(address, I64.as_pointer()), amount, "seq_cst")

    return types.int64(types.intp, types.int64), generate


@instruction
def fetch(_context: Any, _address: Any) -> Any:
    """The int64 at an address, as other threads left it."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.intp), generate


@instruction
def yield_processor(_context: Any) -> Any:
    """Let another thread have this processor: sched_yield of the C library."""

    def generate(_context: Any, builder: ir.IRBuilder, _signature: Any, _arguments: Any) -> Any:
        declare: Callable[..., Any] = get_or_insert_function
        return builder.call(declare(builder.module, ir.FunctionType(I32, []), "sched_yield"), [])

    return types.int32(), generate
