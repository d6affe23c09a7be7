"""The kernel in Triton against attention in float64, by Triton's interpreter.

TRITON_INTERPRET=1 pytest tests/unit/model_store/decoding/test_attention_kernel.py
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from model_store.network.attention import DotAttention
from model_store.network.memory import Memory
from tests.unit.model_store.decoding.triton_interpreter import (
    DEVICE,
    multiply_bfloat16,
    where_kernels_run,
)

pytest.importorskip("triton")

from model_store.decoding.backends.attention_kernel import attend

pytestmark = where_kernels_run
SLOTS = 3


def inputs(queries: int, tokens: int, hidden: int, dtype: torch.dtype) -> tuple[Tensor, Memory]:
    """Queries, and the memory of three slots of five with room for more tokens, as a step has them. Of the slots one is
    full, one holds one token; where there is none are NaNs, which nobody may read."""
    generator = torch.Generator().manual_seed(tokens)
    query = torch.randn(SLOTS, queries, hidden, generator=generator) * (2 / hidden**0.5)
    keys, values = (torch.randn(5, tokens + 7, hidden, generator=generator) for _each in range(2))
    lengths = torch.tensor([tokens, 1, max(tokens - 3, 1), 1, 1]).unsqueeze(1)
    mask = torch.arange(tokens + 7) < lengths
    keys[~mask], values[~mask] = float("nan"), float("nan")
    whole = Memory(keys.to(DEVICE, dtype), values.to(DEVICE, dtype), mask.to(DEVICE))
    parts = (each[:SLOTS, :tokens] for each in (whole.keys, whole.values, whole.mask))
    return query.to(DEVICE, dtype), Memory(*parts)


def expected(query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
    keys, values = (each.double().nan_to_num() for each in (memory.keys, memory.values))
    found: tuple[Tensor, Tensor] = DotAttention()(query.double(), keys, values, memory.mask, memory.mask)
    return found


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    ("queries", "tokens", "hidden"),
    [(4, 16, 64), (1, 20, 100), (5, 64, 128), (16, 65, 64), (3, 256, 72), (20, 40, 32), (2, 300, 48)],
)
def test_context_and_weights(
    queries: int, tokens: int, hidden: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the roundings of weights and of what is written: all sums are in float32."""
    multiply_bfloat16(monkeypatch)
    query, memory = inputs(queries, tokens, hidden, dtype)
    found = attend(query, memory.keys, memory.values, memory.mask)
    roundings = (4, 1) if dtype.itemsize == 2 else (50, 50)
    for own, oracles, most in zip(found, expected(query, memory), roundings, strict=True):
        assert own.dtype == dtype
        torch.testing.assert_close(own.double(), oracles, rtol=0, atol=most * torch.finfo(dtype).eps)


def test_large_scores_are_told_apart() -> None:
    """2,048 and 2,048.5 are the same in float16, and 65,536 is infinite there."""
    query = torch.ones(1, 1, 64, dtype=torch.float16, device=DEVICE) * 32
    keys = torch.ones(1, 16, 64, dtype=torch.float16, device=DEVICE)
    for scale, other in ((1.0, 0.5), (32.0, 0.5)):
        keys[:] = scale
        keys[0, 3, 0] += other / 32
        weights = attend(query, keys, keys, torch.arange(16, device=DEVICE).unsqueeze(0) < 4)[1]
        oracles = DotAttention()(query.double(), keys.double(), keys.double(), torch.arange(16).unsqueeze(0) < 4, query)
        torch.testing.assert_close(weights.double(), oracles[1], rtol=1e-3, atol=1e-3)
