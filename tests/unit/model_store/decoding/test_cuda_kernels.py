"""Steps with the kernels that trials have chosen: on a CPU, with stand-ins for those in Triton and for the clock."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor

from model_store.config import Attention as AttentionName
from model_store.decoding import backends
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.cuda_kernels import TriedAttention
from model_store.decoding.in_flight import decode
from model_store.decoding.scoring import summaries_of
from model_store.decoding.segment import Segment
from model_store.network.attention import DotAttention
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.kinds import assert_same, oracle
from tests.unit.model_store.decoding.networks import EOS, FORBIDDEN, open_tiny, tiny_network
from tests.unit.model_store.decoding.stand_in_clock import Clock, lines

KERNELS = {"attention_kernel": "attend", "part_kernel": "summaries_of", "projection_kernel": "project"}


def attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
    found: tuple[Tensor, ...] = DotAttention()(query, keys, values, mask, mask)
    return found


def project(readout: Tensor, weight: Tensor, bias: Tensor, *, columns: int) -> tuple[Tensor, ...]:
    logits = readout @ weight.T + bias
    return logits, *summaries_of(logits.view(len(logits), -1, columns))


def never(*_inputs: Tensor, **_columns: int) -> tuple[Tensor, ...]:
    raise RuntimeError("Failed to find C compiler")


STAND_INS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "attention_kernel": attend,
    "part_kernel": summaries_of,
    "projection_kernel": project,
}
WHAT = {"attention_kernel": "attention", "part_kernel": "the best tokens", "projection_kernel": "the projection"}
each_kernel = pytest.mark.parametrize("name", list(STAND_INS))


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts kernels in the place of the modules that need Triton."""

    def put_kernels(clock: Clock, **kernels: Callable[..., tuple[Tensor, ...]]) -> None:
        for name, kernel in kernels.items():
            module = f"model_store.decoding.backends.{name}"
            stand_in = ModuleType(module)
            monkeypatch.setattr(stand_in, KERNELS[name], clock.counted(kernel), raising=False)
            monkeypatch.setitem(sys.modules, module, stand_in)
            monkeypatch.setattr(backends, name, stand_in, raising=False)

    return put_kernels


def network_of(attention: AttentionName = "general", vocabulary: int = 768) -> Seq2Seq:
    return tiny_network(attention=attention, vocabulary=vocabulary, eos_bias=1.0)


def results_are_the_oracles(network: Seq2Seq, clock: Clock) -> int:
    """How often a kernel ran in steps, of a decoder whose trials are timed by `clock`. The last segment's steps are
    not the device's alone."""
    batch = [
        Segment((*range(5, 5 + length), EOS), max_length=9, beam_size=beam, n_best=beam, want_search=length == 3)
        for length, beam in ((1, 4), (9, 2), (5, 4), (11, 8), (3, 4))
    ]
    backend = CudaGraphBackend(network, source_capacity=12, dtype=torch.float64, clock=clock)
    before = clock.ran
    for index, hypotheses in decode(open_tiny(network, backend=backend), batch):
        assert_same(hypotheses, oracle(network, batch[index]))
    return clock.ran - before


@each_kernel
@pytest.mark.parametrize("own", [1.0, 3.0])
def test_steps_run_what_the_trials_found_to_be_faster(own: float, name: str, put: Callable[..., None]) -> None:
    clock = Clock(own, 2.0)
    put(clock, **(dict.fromkeys(STAND_INS, never) | {name: STAND_INS[name]}))
    assert (results_are_the_oracles(network_of(), clock) > 0) == (own < 2.0)


def test_all_of_them_together(put: Callable[..., None]) -> None:
    clock = Clock(1.0, 2.0)
    put(clock, **STAND_INS)
    assert results_are_the_oracles(network_of("dot"), clock) > 0


@pytest.mark.parametrize("vocabulary", [24, 768])
@pytest.mark.parametrize("attention", ["additive", "mean", "none"])
def test_what_the_kernels_do_not_compute_is_left_as_it_is(
    attention: AttentionName, vocabulary: int, put: Callable[..., None]
) -> None:
    """Attention that is not made of dot products, and a vocabulary without parts."""
    clock = Clock(1.0, 2.0)
    put(clock, **STAND_INS)
    ran = results_are_the_oracles(network_of(attention, vocabulary), clock)
    assert (ran > 0) == (vocabulary == 768)


def test_in_a_vocabulary_of_fewer_parts_than_extensions_all_logits_are_looked_at(put: Callable[..., None]) -> None:
    clock = Clock(1.0, 2.0)
    put(clock, **STAND_INS)
    assert results_are_the_oracles(network_of(vocabulary=256), clock) > 0


def test_more_slots_than_were_tried_take_what_as_many_as_possible_took(put: Callable[..., None]) -> None:
    """Of attention; more queries or tokens take torch's."""
    clock = Clock(1.0, 2.0)
    put(clock, **STAND_INS)
    backend = CudaGraphBackend(network_of(), source_capacity=12, clock=clock)
    attention = backend.network.decoder.attention
    assert isinstance(attention, TriedAttention)
    for slots, queries, tokens, kernel in ((1000, 4, 64, 1), (1, 16, 256, 1), (1, 17, 16, 0), (1, 4, 257, 0)):
        before = clock.ran
        query, keys = torch.randn(slots, queries, 8), torch.randn(slots, tokens, 8)
        attention(query, keys, keys, torch.ones(slots, tokens, dtype=torch.bool), torch.empty(0))
        assert clock.ran - before == kernel


def test_more_rows_than_were_tried_take_what_as_many_as_possible_took(put: Callable[..., None]) -> None:
    clock = Clock(1.0, 2.0)
    put(clock, **(STAND_INS | {"part_kernel": never}))
    backend = CudaGraphBackend(network_of(), source_capacity=12, dtype=torch.float64, clock=clock)
    readout, log_prob = torch.randn(700, 4, 64, dtype=torch.float64), torch.zeros(700, 4, dtype=torch.float64)
    forbidden = torch.tensor(FORBIDDEN)
    before = clock.ran
    found = backend.best_of_all(readout, log_prob, forbidden, 8)
    assert clock.ran - before == 1
    for own, expected in zip(found, backend.best(backend.logits(readout), log_prob, forbidden, 8), strict=True):
        torch.testing.assert_close(own, expected)


def test_each_call_has_its_own_forbidden_tokens(put: Callable[..., None]) -> None:
    clock = Clock(1.0, 2.0)
    put(clock, **STAND_INS)
    backend = CudaGraphBackend(network_of(), source_capacity=12, dtype=torch.float64, clock=clock)
    readout, log_prob = torch.randn(1, 1, 64, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    first = backend.best_of_all(readout, log_prob, torch.tensor([0]), 3)[2][0].tolist()
    second = backend.best_of_all(readout, log_prob, torch.tensor(first[:1]), 3)[2][0].tolist()
    third = backend.best_of_all(readout, log_prob, torch.tensor([0]), 3)[2][0].tolist()
    assert (second[:2], third) == (first[1:], first)


@each_kernel
def test_without_triton_torchs_kernels_are_used_with_a_word(
    name: str, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(1.0, 2.0)
    put(clock, **STAND_INS)
    monkeypatch.setitem(sys.modules, "triton", None)  # an import of it fails
    monkeypatch.delitem(sys.modules, f"model_store.decoding.backends.{name}")
    monkeypatch.delattr(backends, name)
    with caplog.at_level(logging.WARNING, "verso.decoding"):
        results_are_the_oracles(network_of(), clock)
    (line,) = lines(caplog)
    assert line.startswith(f"WARNING: {WHAT[name]} by torch's kernels, which may be slower, since Triton's is no use: ")
    assert "triton" in line
