"""Which of two ways is taken: on a CPU, with stand-ins for the kernels in Triton and for the clock.

The clock gives a call the seconds that are said of the kernel that it runs, so that trials end as they are told to.
"""

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
from model_store.decoding.backends import ways
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.cuda_kernels import TriedAttention
from model_store.decoding.backends.ways import MOST_ROUNDINGS, Trial, Ways
from model_store.decoding.in_flight import decode
from model_store.decoding.scoring import summaries_of
from model_store.decoding.segment import Segment
from model_store.network.attention import DotAttention
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import EOS, FORBIDDEN, open_tiny, tiny_network
from tests.unit.model_store.decoding.test_device_fallbacks import Capture
from tests.unit.model_store.decoding.test_exactness import assert_same, oracle

KERNELS = {"attention_kernel": "attend", "part_kernel": "summaries_of", "projection_kernel": "project"}


class Clock:
    """own: seconds of a kernel in Triton, torchs: of torch's, where a stand-in counts itself as Triton's."""

    def __init__(self, own: float, torchs: float) -> None:
        self.ran = 0
        self._seconds = own, torchs

    def __call__(self, work: Callable[[], object]) -> float:
        before = self.ran
        work()
        return self._seconds[self.ran == before]

    def counted(self, kernel: Callable[..., tuple[Tensor, ...]]) -> Callable[..., tuple[Tensor, ...]]:
        def counting(*inputs: Tensor, **columns: int) -> tuple[Tensor, ...]:
            self.ran += 1
            return kernel(*inputs, **columns)

        return counting


def plain(x: Tensor) -> tuple[Tensor, ...]:
    return (x * 2,)


def trial(kernel: Callable[[Tensor], tuple[Tensor, ...]], *, value: float = 1.0) -> Trial:
    """Of calls with up to 2 and up to 8 elements."""
    return Trial("doubling", plain, lambda: kernel, [(2,), (8,)], lambda size: (torch.full(size, value),))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname}: {record.getMessage()}" for record in caplog.records]


def test_the_faster_one_is_taken_size_by_size_and_torchs_beyond(caplog: pytest.LogCaptureFixture) -> None:
    def kernel(x: Tensor) -> tuple[Tensor, ...]:
        return (x + x,)

    of_each = iter([3e-6, 2e-6, 4e-6, 5e-6])  # Triton's and torch's at 2, then at 8
    with caplog.at_level(logging.INFO, "verso.decoding"):
        found = trial(kernel).run(lambda _work: next(of_each))
    assert [found.of(size) for size in (1, 2, 3, 8, 9)] == [plain, plain, kernel, kernel, plain]
    assert lines(caplog) == [
        "INFO: doubling by the faster of Triton's kernel and torch's; microseconds by size: "
        "2: 3.0 and 2.0, 8: 4.0 and 5.0"
    ]


def test_each_number_of_a_size_has_to_be_covered() -> None:
    found = Ways(plain, {(1, 8): abs, (4, 8): len, (1, 32): max})  # type: ignore[dict-item]
    asked = ((1, 1), (2, 8), (1, 9), (2, 9), (5, 1))
    assert [found.of(*size) for size in asked] == [abs, len, max, plain, plain]


def test_a_tie_is_torchs() -> None:
    found = trial(lambda x: (x + x,)).run(lambda _work: 1.0)
    assert found.of(1) is plain


EPS = torch.finfo(torch.float32).eps


@pytest.mark.parametrize(
    ("kernel", "value", "reason"),
    [
        (
            lambda x: (x * (2 + 4 * MOST_ROUNDINGS * EPS),),
            1.0,
            "result 0 is 7.6e-06 from torch's, the largest of which is 2",
        ),
        (lambda x: (x * float("nan"),), 1.0, "result 0 is nan from torch's, the largest of which is 2"),
        (lambda x: (x + 1,), 0.0, "result 0 is 1 from torch's, the largest of which is 0"),
        (lambda x: (x + x, x), 1.0, "zip() argument 2 is shorter than argument 1"),
        (lambda x: 1 / 0, 1.0, "division by zero"),
    ],
)
def test_a_kernel_that_fails_or_finds_something_else_is_never_taken(
    kernel: Callable[[Tensor], tuple[Tensor, ...]], value: float, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "verso.decoding"):
        found = trial(kernel, value=value).run(Clock(1.0, 2.0))
    assert found.of(1) is plain
    assert lines(caplog) == [
        f"WARNING: doubling by torch's kernels, which may be slower, since Triton's is no use: {reason}"
    ]


def test_roundings_are_forgiven() -> None:
    def kernel(x: Tensor) -> tuple[Tensor, ...]:
        return (x * (2 + MOST_ROUNDINGS * EPS),)

    of_each = iter([1.0, 2.0] * 2)
    assert trial(kernel).run(lambda _work: next(of_each)).of(1) is kernel


def test_what_fails_at_one_size_is_not_taken_at_another() -> None:
    """Of a larger one the registers or the memory of a program may not do."""

    def kernel(x: Tensor) -> tuple[Tensor, ...]:
        if len(x) > 2:
            raise RuntimeError("out of shared memory")
        return (x + x,)

    of_each = iter([1.0, 2.0])
    assert trial(kernel).run(lambda _work: next(of_each)).of(1) is plain


def test_time_is_the_devices_for_one_of_many_calls_in_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """By events before and after a replay: the shortest of those that were made."""
    took_ms = iter([5.0, 4.0, 6.0])
    capture = Capture()

    class Event:
        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing
            self.replayed: int | None = None

        def record(self) -> None:
            self.replayed = capture.replayed

        def synchronize(self) -> None:
            self.waited_for = True

        def elapsed_time(self, ended: Event) -> float:
            assert self.replayed is not None
            assert ended.waited_for
            assert ended.replayed == self.replayed + 1
            return next(took_ms)

    monkeypatch.setattr(ways, "capturing", lambda _device: capture)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    clock = ways.clock_on(torch.device("cuda"))
    assert clock is not None
    calls: list[None] = []
    assert clock(lambda: calls.append(None)) == pytest.approx(4.0 / 1000 / ways.CALLS)
    assert (capture.captured, capture.replayed, len(calls)) == (1, ways.ROUNDS, (3 + ways.ROUNDS) * ways.CALLS)


def test_nothing_is_timed_on_a_cpu() -> None:
    assert ways.clock_on(torch.device("cpu")) is None
    assert isinstance(CudaGraphBackend(tiny_network(), source_capacity=12).network.decoder.attention, DotAttention)


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
