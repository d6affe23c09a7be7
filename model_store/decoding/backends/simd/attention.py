"""Attention by dot products for the rows of a step: a row reads the tokens of its source, and no padding.

Legend: N slots, K beam width, R rows where there is a hypothesis, S source length, C source capacity, H hidden.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_store.decoding.backends.simd.compiled import compiled, compiled_sums
from model_store.decoding.backends.simd.kernels import Array, exp
from model_store.decoding.backends.simd.packing import array_of
from model_store.decoding.backends.simd.team import SUMS_A_US, Team, finish, take, wait
from model_store.network.memory import Memory


class DotProducts:
    """Implements int8_kernels.Attention: a softmax of dot products with keys (Luong et al. 2015, eq. 7 and 8)."""

    def __init__(self, team: Team) -> None:
        self._team = team

    def __call__(
        self, x: Tensor, rows: Tensor | None, memory: Memory, positions: Tensor, width: int
    ) -> tuple[Tensor, Tensor]:
        slots, longest = memory.mask.shape
        row = np.arange(slots * width) if rows is None else rows.numpy()
        first = np.searchsorted(row, np.arange(slots + 1) * width)
        context, weights = torch.empty_like(x), torch.zeros(slots, width, longest)
        self._team.run(
            attend,
            1,
            array_of(x),
            first,
            row % width,
            _whole(memory.keys),
            _whole(memory.values),
            memory.mask.sum(dim=1).numpy(),
            weights.numpy(),
            context.numpy(),
            cost_us=2 * len(x) * longest * x.shape[1] / SUMS_A_US,
        )
        return context, weights


def _whole(source: Tensor) -> Array:
    """source: a part of the sources, and of their tokens, shape = (N, S, H). Returns all tokens, shape = (N, C, H),
    since machine code is the faster if it knows that they lie side by side."""
    if not source.is_contiguous():
        hidden, of_source = source.shape[2], source.stride(0)
        assert source.stride()[1:] == (hidden, 1)
        source = source.as_strided((len(source), of_source // hidden, hidden), (of_source, hidden, 1))
    whole: Array = source.numpy()
    return whole


@compiled
def attend(
    thread: int,
    counters: Array,
    x: Array,
    first: Array,
    column: Array,
    keys: Array,
    values: Array,
    lengths: Array,
    weights: Array,
    context: Array,
) -> None:
    """A piece is a slot. x, context: shape = (R, H). first: row of each slot, and R, shape = (N + 1,). column: of each
    row in the beam, shape = (R,). keys, values: shape = (N, C, H). weights: zeros, shape = (N, K, S)."""
    pieces = len(lengths)
    while True:
        slot = take(counters, 0, pieces)
        if slot < 0:
            break
        for row in range(first[slot], first[slot + 1]):
            own = weights[slot, column[row], : lengths[slot]]
            softmax(x[row], keys[slot], own)
            mix(own, values[slot], context[row])
        finish(counters, 0)
    wait(counters, 0, pieces)


@compiled
def softmax(query: Array, keys: Array, weights: Array) -> None:
    """Of the products with the first keys. query: shape = (H,). keys: shape = (C, H). weights: shape = (S,)."""
    largest, total = np.float32(-np.inf), np.float32(0)
    for s in range(len(weights)):
        weights[s] = dot(query, keys[s])
        largest = max(largest, weights[s])
    for s in range(len(weights)):
        weights[s] = exp(weights[s] - largest)
    for s in range(len(weights)):
        total += weights[s]
    for s in range(len(weights)):
        weights[s] /= total


@compiled_sums
def dot(x: Array, y: Array) -> Any:
    """x, y: float32, shape = (H,)."""
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i] * y[i]
    return total


@compiled_sums
def mix(weights: Array, values: Array, context: Array) -> None:
    """weights: shape = (S,). values: shape = (C, H). context: shape = (H,)."""
    context[:] = np.float32(0)
    for s in range(len(weights)):
        for i in range(len(context)):
            context[i] += weights[s] * values[s, i]
