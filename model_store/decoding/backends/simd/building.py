"""LLVM's words for what an instruction set of tiles is made of: numbers at addresses, and sums over a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from llvmlite import ir
from numba.extending import intrinsic

I16, I32, I64, F32 = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
NEAR, NEXT = 3, 2  # caches: the first, and the second


def instruction(typed: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's intrinsic, which takes a function from types to a signature and to what writes the instructions."""
    return cast(Callable[..., Any], intrinsic(typed))


def at(builder: ir.IRBuilder, base: Any, step: Any, count: Any) -> Any:
    """The address `count` steps behind another. step, count: a number or a value."""
    number, times = (each if isinstance(each, ir.Value) else I64(each) for each in (step, count))
    return builder.add(base, builder.mul(number, times))


def pointer(builder: ir.IRBuilder, kind: ir.Type, address: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def load(builder: ir.IRBuilder, kind: ir.Type, address: Any, align: int) -> Any:
    return builder.load(pointer(builder, kind, address), align=align)


def prefetch(builder: ir.IRBuilder, address: Any, cache: int) -> None:
    """Have a cache read what is at an address, which need not be one of any array, without waiting for it."""
    kind = ir.IntType(8).as_pointer()
    words = ir.FunctionType(ir.VoidType(), [kind, I32, I32, I32])
    function = builder.module.declare_intrinsic("llvm.prefetch", [kind], fnty=words)
    builder.call(function, [builder.inttoptr(address, kind), I32(0), I32(cache), I32(1)])


def repeated(builder: ir.IRBuilder, kind: ir.Type, address: Any) -> Any:
    """The int32 at an address, which may be any, in all places of a vector."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, load(builder, I32, address, 1), I32(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, kind.count), [0] * kind.count))


def summed(
    builder: ir.IRBuilder,
    turns: Any,
    kind: ir.Type,
    sums: int,
    turn: Callable[[Any, Sequence[Any]], Sequence[Any]],
) -> Sequence[Any]:
    """A loop that begins with `sums` vectors of zeros; turn(index, so far) is what they come to after one turn more.

    turns: how many, at least one.
    """
    zeros = ir.Constant(kind, [0] * kind.count)
    before = builder.block
    loop, after = builder.append_basic_block("turn"), builder.append_basic_block("turns.end")
    builder.branch(loop)
    builder.position_at_end(loop)
    index = builder.phi(I64)
    index.add_incoming(I64(0), before)
    held = [builder.phi(kind) for _sum in range(sums)]
    added = turn(index, held)
    for phi, value in zip(held, added, strict=True):
        phi.add_incoming(zeros, before)
        phi.add_incoming(value, loop)
    following = builder.add(index, I64(1))
    index.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, turns), loop, after)
    builder.position_at_end(after)
    return added
