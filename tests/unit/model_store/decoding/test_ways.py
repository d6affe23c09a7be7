"""Which of two ways is taken: on a CPU, with stand-ins for the kernels in Triton and for the clock.

The clock gives a call the seconds that are said of the kernel that it runs, so that trials end as they are told to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from model_store.decoding.backends import ways
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.ways import MOST_ROUNDINGS, Trial, Ways
from model_store.network.attention import DotAttention
from tests.unit.model_store.decoding.networks import tiny_network
from tests.unit.model_store.decoding.stand_in_clock import Clock, lines
from tests.unit.model_store.decoding.test_device_fallbacks import Capture


def plain(x: Tensor) -> tuple[Tensor, ...]:
    return (x * 2,)


def trial(kernel: Callable[[Tensor], tuple[Tensor, ...]], *, value: float = 1.0) -> Trial:
    """Of calls with up to 2 and up to 8 elements."""
    return Trial("doubling", plain, lambda: kernel, [(2,), (8,)], lambda size: (torch.full(size, value),))


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
