"""Graphs and Triton where they work and where they fail: on a CPU, with stand-ins for captures and for the kernel."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Tensor

from model_store.decoding import backends, step_graphs
from model_store.decoding.backends.cuda_graph import _fastest_summaries
from model_store.decoding.in_flight import decode
from model_store.decoding.scoring import Summaries, summaries_of
from model_store.decoding.segment import Segment
from model_store.decoding.step_graphs import StepGraphs
from tests.unit.model_store.decoding.networks import EOS, tiny_network
from tests.unit.model_store.decoding.test_cuda_graph import open_device
from tests.unit.model_store.decoding.test_exactness import assert_same, oracle

CUDA, CPU = torch.device("cuda"), torch.device("cpu")
PART_KERNEL = "model_store.decoding.backends.part_kernel"
Work = Callable[[], None]


class Capture:
    """Captures by running what it is given three times; works so often, and fails then. replayed: how often any was."""

    def __init__(self, works: int = sys.maxsize) -> None:
        self.captured = self.replayed = 0
        self._works = works

    def __call__(self, work: Work) -> Work:
        if self.captured == self._works:
            raise RuntimeError("no memory for graphs")
        self.captured += 1
        for _time in range(3):
            work()

        def replay() -> None:
            self.replayed += 1
            work()

        return replay


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Capture], None]:
    return lambda capture: monkeypatch.setattr(step_graphs, "capturing", lambda _device: capture)


def test_nothing_is_captured_on_a_cpu() -> None:
    assert step_graphs.capturing(CPU) is None


def test_each_shape_is_captured_the_largest_first_and_replayed(use: Callable[[Capture], None]) -> None:
    shapes: list[tuple[int, int]] = []
    capture = Capture()
    use(capture)
    graphs = StepGraphs(lambda slots, longest: shapes.append((slots, longest)), slots=4, longest=20, device=CPU)
    assert shapes[::3] == [(4, 20), (4, 16), (2, 20), (2, 16), (1, 20), (1, 16)]
    shapes.clear()
    for slots, longest in ((3, 5), (1, 17)):
        graphs.run(slots, longest)
    assert (shapes, capture.replayed) == ([(4, 16), (1, 20)], 2)


@pytest.mark.parametrize("works", [0, 4])
def test_if_one_shape_cannot_be_captured_all_run_kernel_by_kernel(
    works: int, use: Callable[[Capture], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The last of the shapes too, and those that had been captured."""
    shapes: list[tuple[int, int]] = []
    capture = Capture(works)
    use(capture)
    with caplog.at_level(logging.WARNING, "verso.decoding"):
        graphs = StepGraphs(lambda slots, longest: shapes.append((slots, longest)), slots=4, longest=20, device=CPU)
    shapes.clear()
    for slots, longest in ((4, 20), (3, 5), (1, 17)):
        graphs.run(slots, longest)
    assert (shapes, capture.replayed) == ([(4, 20), (4, 16), (1, 20)], 0)
    assert [record.getMessage() for record in caplog.records] == [
        "steps run kernel by kernel, which is slower, since they cannot be captured: no memory for graphs"
    ]


@pytest.mark.parametrize("works", [sys.maxsize, 2, 0])
def test_results_are_the_oracles_whether_steps_are_captured_or_not(works: int, use: Callable[[Capture], None]) -> None:
    """What a capture runs does no harm to segments, though slots are there and none is in use."""
    network = tiny_network(seed=3)
    capture = Capture(works)
    use(capture)
    batch = [
        Segment((*range(5, 5 + length), EOS), max_length=9, beam_size=beam, n_best=beam)
        for length, beam in ((1, 4), (9, 2), (5, 4), (11, 4), (3, 4))
    ]
    for index, hypotheses in decode(open_device(network), batch):
        assert_same(hypotheses, oracle(network, batch[index]))
    assert (capture.replayed > 0) == (works == sys.maxsize)


def put_kernel(monkeypatch: pytest.MonkeyPatch, tried: Callable[[torch.device], Summaries]) -> None:
    """In the place of the module that needs Triton."""
    stand_in = ModuleType(PART_KERNEL)
    monkeypatch.setattr(stand_in, "tried", tried, raising=False)
    monkeypatch.setitem(sys.modules, PART_KERNEL, stand_in)
    monkeypatch.setattr(backends, "part_kernel", stand_in, raising=False)


def test_triton_is_used_on_a_gpu_only(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.device] = []

    def its_own(parts: Tensor) -> tuple[Tensor, Tensor]:
        return summaries_of(parts)

    def tried(device: torch.device) -> Summaries:
        asked.append(device)
        return its_own

    put_kernel(monkeypatch, tried)
    assert _fastest_summaries(CPU) is summaries_of
    assert _fastest_summaries(CUDA) is its_own
    assert asked == [CUDA]


def test_without_triton_torchs_kernels_are_used_with_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)  # an import of it fails
    monkeypatch.delitem(sys.modules, PART_KERNEL, raising=False)
    monkeypatch.delattr(backends, "part_kernel", raising=False)
    with caplog.at_level(logging.WARNING, "verso.decoding"):
        assert _fastest_summaries(CUDA) is summaries_of
    (line,) = caplog.records
    assert line.getMessage().startswith("the best tokens are found by torch's kernels, which is slower")
    assert "triton" in line.getMessage()


def test_if_triton_cannot_compile_torchs_kernels_are_used_with_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As it cannot in an image without a compiler of C: it says so when a kernel first runs."""

    def fail(_device: torch.device) -> Summaries:
        raise RuntimeError("Failed to find C compiler")

    put_kernel(monkeypatch, fail)
    with caplog.at_level(logging.WARNING, "verso.decoding"):
        assert _fastest_summaries(CUDA) is summaries_of
    (line,) = caplog.records
    assert line.getMessage().endswith("Triton's does not run here: Failed to find C compiler")
