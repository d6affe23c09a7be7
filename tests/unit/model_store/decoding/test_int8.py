"""The 8-bit backend: its linear layer against exact integers, how near it is to float32, its choice."""

from __future__ import annotations

import logging

import pytest
import torch

from model_store.config import EncoderConfig
from model_store.decoding.backends import simd
from model_store.decoding.backends.choice import open_backend
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend, unsupported
from model_store.decoding.backends.int8_linear import is_exact, quantise
from model_store.decoding.backends.protocol import Rows
from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Segment
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.int8_oracle import SOURCE_CAPACITY, linear
from tests.unit.model_store.decoding.kinds import kernels_of, needs_simd, on_all_kernels
from tests.unit.model_store.decoding.networks import BOS, EOS, open_tiny, result_of, tiny_network

ROWS = (1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 32, 33, 64, 100, 128, 256, 511, 512)


@on_all_kernels
@pytest.mark.parametrize(("inputs", "outputs"), [(1000, 4000), (256, 1024), (96, 500), (37, 23), (1, 1)])
def test_a_row_is_the_same_among_any_number_and_exact(inputs: int, outputs: int, kernels: str) -> None:
    """Bit by bit; the largest inputs and weights are among them, where a kernel that saturates would go wrong."""
    generator = torch.Generator().manual_seed(1)
    weight, bias = torch.randn(outputs, inputs, generator=generator), torch.randn(outputs, generator=generator)
    weight[0], weight[-1] = 3.0, -3.0
    x = torch.randn(512, inputs, generator=generator) * torch.rand(512, 1, generator=generator) * 10
    x[0], x[5], x[9] = 10.0, -10.0, 0.0
    layer = kernels_of(kernels).linear(weight, bias)
    together = layer(x)
    for rows in ROWS:
        for first in {0, 512 - rows, min(5, 512 - rows)}:
            assert torch.equal(layer(x[first : first + rows]), together[first : first + rows])
    for row in (0, 5, 9, 100, 511):
        torch.testing.assert_close(together[row], linear(x[row], weight, bias), rtol=1e-6, atol=1e-6)
    assert torch.equal(together[9], bias)


@on_all_kernels
def test_a_row_with_nan_is_nan_and_no_other(kernels: str) -> None:
    x = torch.randn(9, 40)
    layer = kernels_of(kernels).linear(torch.randn(70, 40), torch.randn(70))
    expected = layer(x)
    x[4, 7] = float("nan")
    found = layer(x)
    assert found[4].isnan().all()
    assert torch.equal(found[[0, 1, 2, 3, 5, 6, 7, 8]], expected[[0, 1, 2, 3, 5, 6, 7, 8]])


def test_what_was_quantised_before_comes_back_exactly() -> None:
    matrix = torch.randn(50, 33, generator=torch.Generator().manual_seed(2))
    matrix[7] = 0.0
    codes, scale = quantise(matrix)
    assert int(codes.abs().max()) == 127
    torch.testing.assert_close(codes * scale.unsqueeze(1), matrix, rtol=0, atol=float(scale.max()) * 0.501)
    again, scale_again = quantise(codes * scale.unsqueeze(1))
    assert torch.equal(again, codes)
    torch.testing.assert_close(scale_again, scale)


@needs_simd
@pytest.mark.parametrize("kept", [1, 30, 100])
def test_the_same_whichever_tokens_products_are_kept(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 500 tokens; 1 is too few for any call."""
    network = tiny_network(vocabulary=500, hidden=40, dtype=torch.float32, seed=11)
    generator = torch.Generator().manual_seed(6)
    batch = [
        Segment((*torch.randint(4, 500, (length,), generator=generator).tolist(), EOS), max_length=9, beam_size=4)
        for length in (3, 9, 5, 11, 2, 7, 8, 4)
    ]

    def opened() -> InFlightDecoder:
        kernels = simd.open_kernels(Threads(1))
        return open_tiny(
            network, backend=Int8Backend(network, source_capacity=SOURCE_CAPACITY, kernels=kernels), max_rows=16
        )

    decoder = opened()
    expected = dict(decode(decoder, batch))
    from model_store.decoding.backends.simd import first_layer

    monkeypatch.setattr(first_layer, "KEPT_TOKENS", kept)
    few = opened()
    for _time in range(2):
        assert dict(decode(few, batch)) == expected


@on_all_kernels
def test_it_stays_near_float32(kernels: str) -> None:
    network = tiny_network(vocabulary=200, hidden=64, dtype=torch.float32, seed=12)
    sources = [(5, 6, 7, 8, EOS), (100, EOS)]
    tokens, positions = torch.full((2, 1), BOS), torch.zeros(2, dtype=torch.int64)
    logits = []
    int8 = Int8Backend(network, source_capacity=SOURCE_CAPACITY, kernels=kernels_of(kernels))
    for backend in (int8, EagerBackend(network, source_capacity=12)):
        memory, state = result_of(backend.encode(sources, 1000))
        logits.append(backend.logits(backend.step([Rows(tokens, memory, state, positions)])[0].readout))
    spread = float(logits[1].std())
    assert float((logits[0] - logits[1]).abs().mean()) < 0.1 * spread


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (tiny_network(cell="gru"), "cell 'gru'"),
        (tiny_network(attention="additive"), "attention 'additive'"),
        (tiny_network(encoder=EncoderConfig(direction="bidirectional")), "bidirectional"),
        (tiny_network(encoder=EncoderConfig(kind="self_attention")), "self_attention"),
    ],
    ids=["gru", "additive", "bidirectional", "self_attention"],
)
def test_what_does_not_run_falls_back_with_a_word_or_is_refused(
    network: Seq2Seq, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert isinstance(open_backend(network, "auto", source_capacity=12), EagerBackend)
    assert reason in caplog.text
    with pytest.raises(ConfigError, match=reason):
        open_backend(network, "int8", source_capacity=12)


@pytest.mark.skipif(not (simd.available() or is_exact()), reason="this processor has no exact 8-bit kernel")
def test_it_is_chosen_where_it_runs() -> None:
    network = tiny_network(dtype=torch.float32)
    assert unsupported(network.config) is None
    assert isinstance(open_backend(network, "auto", source_capacity=12), Int8Backend)
    assert isinstance(open_backend(network, "eager", source_capacity=12), EagerBackend)
