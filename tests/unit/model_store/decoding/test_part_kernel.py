"""The kernel in Triton against torch, by Triton's interpreter.

TRITON_INTERPRET=1 pytest tests/unit/model_store/decoding/test_part_kernel.py
"""

from __future__ import annotations

import pytest
import torch

from model_store.decoding.scoring import best_extensions, summaries_of
from tests.unit.model_store.decoding.triton_interpreter import DEVICE, where_kernels_run

pytest.importorskip("triton")

from model_store.decoding.backends import part_kernel

pytestmark = where_kernels_run


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("shape", [(1, 1, 32), (3, 7, 125), (5, 64, 125), (2, 250, 128)])
def test_summaries(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    torch.manual_seed(len(shape) + shape[1])
    parts = (torch.randn(shape) * 10).to(DEVICE, dtype)
    parts[0, 0] = float("-inf")
    parts[-1, -1, 3:] = float("-inf")
    for found, expected in zip(part_kernel.summaries_of(parts), summaries_of(parts), strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_best_extensions_are_the_same_with_it() -> None:
    torch.manual_seed(1)
    logits = (torch.randn(4, 3, 8000) * 5).to(DEVICE, torch.float16)
    log_prob = torch.randn(4, 3, device=DEVICE)
    forbidden = torch.arange(4, device=DEVICE)
    found = best_extensions(logits.clone(), log_prob, forbidden, 6, part_kernel.summaries_of)
    expected = best_extensions(logits.clone(), log_prob, forbidden, 6)
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-5)
    assert found[1].equal(expected[1])
    assert found[2].equal(expected[2])
