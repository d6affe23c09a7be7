"""A step's attention on CUDA as one kernel in Triton: scores, mask, softmax and context of a slot's hypotheses.

Scores, their softmax and all sums are in float32, whatever the type of what is read and written. Keys and values where
there is no token are not read.

Legend: B slots, Q queries a slot (the beam), S source length, H hidden.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

FEWEST_ROWS = 16  # that a product on tensor cores can have
FEW_TOKENS, MANY_TOKENS = 64, 256  # two tiles, and no more, since each is compiled by itself
UNITS_AT_ONCE = 64


@triton.jit(do_not_specialize=["count", "length", "mask_slot"])  # type: ignore[untyped-decorator]
def _attend(  # type: ignore[no-untyped-def]
    query,
    keys,
    values,
    mask,
    context,
    weights,
    count,
    length,
    hidden,
    key_slot,
    key_token,
    value_slot,
    value_token,
    mask_slot,
    queries: tl.constexpr,
    tokens: tl.constexpr,
    units: tl.constexpr,
):
    """A program attends for the `count` queries of a slot. queries, tokens: powers of two no less than `count` and
    `length`, FEWEST_ROWS at least. key_slot ... mask_slot: how far a slot and a token are from the next."""
    slot = tl.program_id(0).to(tl.int64)
    row = tl.arange(0, queries)
    token = tl.arange(0, tokens)
    unit = tl.arange(0, units)
    asked = row < count
    there = tl.load(mask + slot * mask_slot + token, mask=token < length, other=0) != 0
    row_place = (slot * count + row)[:, None] * hidden
    key_place = slot * key_slot + token[:, None] * key_token
    value_place = slot * value_slot + token[:, None] * value_token
    scores = tl.zeros((queries, tokens), dtype=tl.float32)
    for start in range(0, hidden, units):
        inside = (start + unit < hidden)[None, :]
        place = start + unit[None, :]
        asking = tl.load(query + row_place + place, mask=asked[:, None] & inside, other=0.0)
        key = tl.load(keys + key_place + place, mask=there[:, None] & inside, other=0.0)
        scores = tl.dot(asking, tl.trans(key), scores, input_precision="ieee")
    scores = tl.where(there[None, :], scores, float("-inf"))
    raised = tl.exp(scores - tl.max(scores, axis=1)[:, None])
    share = (raised / tl.sum(raised, axis=1)[:, None]).to(weights.dtype.element_ty)
    shown = asked[:, None] & (token < length)[None, :]
    tl.store(weights + (slot * count + row)[:, None] * length + token[None, :], share, mask=shown)
    for start in range(0, hidden, units):
        inside = (start + unit < hidden)[None, :]
        place = start + unit[None, :]
        value = tl.load(values + value_place + place, mask=there[:, None] & inside, other=0.0)
        mixed = tl.dot(share, value, input_precision="ieee")
        tl.store(context + row_place + place, mixed.to(context.dtype.element_ty), mask=asked[:, None] & inside)


def attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The context, shape = (B, Q, H), and the weights, shape = (B, Q, S), as DotAttention's, in the type of `query`.

    query: contiguous, shape = (B, Q, H). keys, values: shape = (B, S, H), the units of a token side by side. mask:
    bool, shape = (B, S), the tokens of a slot side by side, one of them at least True.
    """
    slots, count, hidden = query.shape
    length = mask.shape[1]
    few = length <= FEW_TOKENS
    context = torch.empty_like(query)
    weights = query.new_empty(slots, count, length)
    strides = (*keys.stride()[:2], *values.stride()[:2], mask.stride(0))
    _attend[(slots,)](
        query, keys, values, mask, context, weights, count, length, hidden, *strides,
        queries=max(FEWEST_ROWS, triton.next_power_of_2(count)),
        tokens=FEW_TOKENS if few else max(MANY_TOKENS, triton.next_power_of_2(length)),
        units=UNITS_AT_ONCE,
        num_warps=4 if few else 8,
        num_stages=2,
    )  # fmt: skip
    return context, weights
