"""Graphs where they work and where they fail: on a CPU, with stand-ins for captures."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

import pytest
import torch

from model_store.decoding import step_graphs
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Segment
from model_store.decoding.step_graphs import StepGraphs
from tests.unit.model_store.decoding.kinds import assert_same, oracle
from tests.unit.model_store.decoding.networks import EOS, tiny_network
from tests.unit.model_store.decoding.test_cuda_graph import open_device

CPU = torch.device("cpu")
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
