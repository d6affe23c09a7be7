"""scoring.summaries_of on CUDA: logits are read once, by a kernel in Triton, which torch brings along there.

Legend: R rows, P parts of a row, C columns of a part.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

PARTS_AT_ONCE = 8


@triton.jit
def summary(values):  # type: ignore[no-untyped-def]
    """The maximum of each row of a tile of float32, and the sum of exp(x - maximum) over it; 0 if it is all -inf."""
    highest = tl.max(values, axis=1)
    shifted = values - tl.where(highest == float("-inf"), 0.0, highest)[:, None]
    return highest, tl.sum(tl.exp(shifted), axis=1)


@triton.jit  # type: ignore[untyped-decorator]
def _summarise(logits, maxima, sums, parts, columns, at_once: tl.constexpr, width: tl.constexpr):  # type: ignore[no-untyped-def]
    """A program looks at `at_once` parts of one row. width: a power of two that is no less than `columns`."""
    row = tl.program_id(0).to(tl.int64)
    part = tl.program_id(1) * at_once + tl.arange(0, at_once)
    column = tl.arange(0, width)
    there = (part < parts)[:, None] & (column < columns)[None, :]
    place = row * parts * columns + part[:, None] * columns + column[None, :]
    values = tl.load(logits + place, mask=there, other=float("-inf")).to(tl.float32)
    highest, summed = summary(values)
    tl.store(maxima + row * parts + part, highest, mask=part < parts)
    tl.store(sums + row * parts + part, summed, mask=part < parts)


def summaries_of(parts: Tensor) -> tuple[Tensor, Tensor]:
    """As scoring.summaries_of. parts: contiguous, shape = (R, P, C). Returns float32."""
    rows, count, columns = parts.shape
    maxima, sums = (torch.empty(rows, count, dtype=torch.float32, device=parts.device) for _ in range(2))
    grid = rows, triton.cdiv(count, PARTS_AT_ONCE)
    _summarise[grid](parts, maxima, sums, count, columns, at_once=PARTS_AT_ONCE, width=triton.next_power_of_2(columns))
    return maxima, sums
