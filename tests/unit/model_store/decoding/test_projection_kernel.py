"""The kernel in Triton against a product in float64, by Triton's interpreter; and whole searches by all kernels.

TRITON_INTERPRET=1 pytest tests/unit/model_store/decoding/test_projection_kernel.py
"""

from __future__ import annotations

from itertools import count

import pytest
import torch

from model_store.decoding.backends import cuda_kernels
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.in_flight import decode
from model_store.decoding.scoring import summaries_of
from model_store.decoding.segment import Segment
from tests.unit.model_store.decoding.kinds import oracle
from tests.unit.model_store.decoding.networks import EOS, open_tiny, tiny_network
from tests.unit.model_store.decoding.triton_interpreter import (
    DEVICE,
    multiply_bfloat16,
    where_kernels_run,
)

pytest.importorskip("triton")

from model_store.decoding.backends import projection_kernel

pytestmark = where_kernels_run


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    ("rows", "wide", "parts", "columns"),
    [(1, 64, 1, 32), (5, 100, 7, 125), (16, 64, 3, 128), (17, 128, 2, 200), (70, 72, 5, 40), (64, 32, 1, 256)],
)
def test_logits_and_their_summaries(
    rows: int, wide: int, parts: int, columns: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits are the product's to a rounding (bfloat16 is cut off by the interpreter, not rounded), summaries those of
    the logits as they are written, forbidden or not."""
    multiply_bfloat16(monkeypatch)
    generator = torch.Generator().manual_seed(rows)
    readout, weight = (torch.randn(number, wide, generator=generator) for number in (rows, parts * columns))
    readout, weight = readout.to(DEVICE, dtype), (weight * (4 / wide**0.5)).to(DEVICE, dtype)
    bias = torch.randn(parts * columns, generator=generator)
    bias[:3] = float("-inf")
    bias[-columns + 1 :] = float("-inf")
    bias = bias.to(DEVICE, dtype)
    logits, *summaries = projection_kernel.project(readout, weight, bias, columns=columns)
    expected = readout.double() @ weight.double().T + bias.double()
    eps = torch.finfo(dtype).eps
    assert logits.dtype == dtype
    most = {torch.float16: 0.51, torch.bfloat16: 1.01, torch.float32: 9}[dtype] * eps
    torch.testing.assert_close(logits.double(), expected, rtol=most, atol=2e-5)
    for found, own in zip(summaries, summaries_of(logits.view(rows, parts, columns)), strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, own, rtol=1e-6, atol=1e-6)


def test_searches_by_all_kernels_find_what_the_oracle_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """In float32, at each size, whatever a trial would say; probabilities to what 24 bits leave of them."""
    for name, sizes in {"SLOTS": (1, 8), "TOKENS": (64,), "ROWS": (16, 32)}.items():
        monkeypatch.setattr(cuda_kernels, name, sizes)
    network = tiny_network(vocabulary=768, eos_bias=1.0, dtype=torch.float32)
    batch = [
        Segment((*range(5, 5 + length), EOS), max_length=9, beam_size=beam, n_best=beam)
        for length, beam in ((1, 4), (9, 2), (5, 4), (11, 8), (3, 4))
    ]
    seconds = count()  # Triton's, which is timed before torch's, takes less each time
    backend = CudaGraphBackend(
        network.to(DEVICE), source_capacity=12, dtype=torch.float32, clock=lambda _work: next(seconds)
    )
    assert isinstance(backend.network.decoder.attention, cuda_kernels.TriedAttention)
    assert backend._projection is not None
    for ways in (backend.network.decoder.attention._ways, backend._projection._both, backend._projection._summaries):
        assert set(ways._faster.values()).isdisjoint({ways.plain})
        assert ways._faster
    found = dict(decode(open_tiny(network, backend=backend), batch))
    exact = tiny_network(vocabulary=768, eos_bias=1.0)
    for index, segment in enumerate(batch):
        expected = oracle(exact, segment)
        assert [each.tokens for each in found[index]] == [each.tokens for each in expected]
        for own, oracles in zip(found[index], expected, strict=True):
            assert own.log_prob == pytest.approx(oracles.log_prob, abs=1e-4)
