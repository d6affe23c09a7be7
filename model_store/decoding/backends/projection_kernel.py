"""The output projection on CUDA as one kernel in Triton that also summarises the logits, before they leave the chip.

Products are summed in float32. Summaries are those of the logits as they are written, rounded, so that they say of each
part what who reads the logits would find.

Legend: R rows, W readout width, V vocabulary, P parts of a row of logits, C columns of a part, V = P * C.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from model_store.decoding.backends.part_kernel import summary

FEW_ROWS, MANY_ROWS = 16, 64  # of a tile: no more than two, since each is compiled by itself
UNITS_AT_ONCE = 64


@triton.jit(do_not_specialize=["rows", "parts"])  # type: ignore[untyped-decorator]
def _project(  # type: ignore[no-untyped-def]
    readout,
    weight,
    bias,
    logits,
    maxima,
    sums,
    rows,
    parts,
    columns,
    wide,
    at_once: tl.constexpr,
    width: tl.constexpr,
    units: tl.constexpr,
):
    """A program computes a part of `at_once` rows; programs of one part follow each other, so that its weights stay
    near. wide: W. width: a power of two that is no less than `columns`."""
    row = (tl.program_id(0) * at_once + tl.arange(0, at_once)).to(tl.int64)
    part = tl.program_id(1).to(tl.int64)
    column = tl.arange(0, width)
    unit = tl.arange(0, units)
    asked = row < rows
    inside = column < columns
    token = part * columns + column
    total = tl.zeros((at_once, width), dtype=tl.float32)
    for start in range(0, wide, units):
        there = (start + unit < wide)[None, :]
        place = start + unit[None, :]
        read = tl.load(readout + row[:, None] * wide + place, mask=asked[:, None] & there, other=0.0)
        weights = tl.load(weight + token[:, None] * wide + place, mask=inside[:, None] & there, other=0.0)
        total = tl.dot(read, tl.trans(weights), total, input_precision="ieee")
    total += tl.load(bias + token, mask=inside, other=0.0).to(tl.float32)[None, :]
    written = total.to(logits.dtype.element_ty)
    here = asked[:, None] & inside[None, :]
    tl.store(logits + row[:, None] * parts * columns + token[None, :], written, mask=here)
    highest, summed = summary(tl.where(inside[None, :], written.to(tl.float32), float("-inf")))
    tl.store(maxima + row * parts + part, highest, mask=asked)
    tl.store(sums + row * parts + part, summed, mask=asked)


def project(readout: Tensor, weight: Tensor, bias: Tensor, *, columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, shape = (R, V), in the type of `readout`, and of their parts of C columns what scoring.summaries_of says,
    in float32.

    All contiguous. readout: shape = (R, W). weight: shape = (V, W). bias: shape = (V,), -inf where a token must not be.
    """
    rows, wide = readout.shape
    parts = len(weight) // columns
    width = triton.next_power_of_2(columns)
    at_once = FEW_ROWS if rows <= FEW_ROWS else MANY_ROWS
    logits = readout.new_empty(rows, len(weight))
    maxima, sums = (readout.new_empty(rows, parts, dtype=torch.float32) for _each in range(2))
    _project[(triton.cdiv(rows, at_once), parts)](
        readout, weight, bias, logits, maxima, sums, rows, parts, columns, wide,
        at_once=at_once,
        width=width,
        units=UNITS_AT_ONCE,
        num_warps=4 if width <= 128 else 8,
        num_stages=3 if width <= 128 else 2,
    )  # fmt: skip
    return logits, maxima, sums
