"""A step of the device, captured as a CUDA graph for each of a ladder of shapes; run as it is where there is no CUDA.

A step is about a hundred kernels, each of which takes the host longer to launch than a small one takes to run. A graph
of them is launched at once, but is of one shape: so there is one for each power of two of slots and of source lengths.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch

logger = logging.getLogger("verso.decoding")

FEWEST_SOURCE_TOKENS = 16

# Keeps the kernels that a function launches; what it returns launches them again.
Capture: TypeAlias = Callable[[Callable[[], None]], Callable[[], None]]


class StepGraphs:
    """Runs `step(slots, longest)`, whose shapes follow from these alone, and which never looks at what it computes.

    slots, longest: the most there are. Here and now it is captured, and run three times, in each shape: it has to do no
    harm. If it cannot be captured in one of them, it runs as it is in all.
    """

    def __init__(self, step: Callable[[int, int], None], *, slots: int, longest: int, device: torch.device) -> None:
        self._step = step
        self.slots = ladder(1, slots)
        self.lengths = ladder(min(FEWEST_SOURCE_TOKENS, longest), longest)
        capture = capturing(device)
        self._replay = {} if capture is None else self._captured(capture)

    def run(self, slots: int, longest: int) -> None:
        """One step of at least that many slots and source tokens."""
        shape = rung(self.slots, slots), rung(self.lengths, longest)
        if shape in self._replay:
            self._replay[shape]()
        else:
            self._step(*shape)

    def _captured(self, capture: Capture) -> dict[tuple[int, int], Callable[[], None]]:
        """By shape. The largest first, whose memory the others share: never do two of them run at once."""
        shapes = sorted(((slots, length) for slots in self.slots for length in self.lengths), reverse=True)
        try:
            return {shape: capture(partial(self._step, *shape)) for shape in shapes}
        except RuntimeError as error:
            logger.warning("steps run kernel by kernel, which is slower, since they cannot be captured: %s", error)
            return {}


def capturing(device: torch.device) -> Capture | None:
    """What captures on `device`, into memory that all its captures share; None where there is no CUDA."""
    if device.type != "cuda":
        return None
    pool = torch.cuda.graph_pool_handle()

    def capture(work: Callable[[], None]) -> Callable[[], None]:
        _warm_up(work)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            work()
        return graph.replay

    return capture


def _warm_up(work: Callable[[], None]) -> None:
    """What a first call sets up must not be captured; on a stream of its own, as CUDA asks."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _time in range(3):
            work()
    torch.cuda.current_stream().wait_stream(stream)


def ladder(fewest: int, most: int) -> tuple[int, ...]:
    """`fewest`, doubled as often as it fits, and `most`."""
    rungs = [fewest]
    while rungs[-1] * 2 < most:
        rungs.append(rungs[-1] * 2)
    return tuple(sorted({*rungs, most}))


def rung(rungs: tuple[int, ...], size: int) -> int:
    """The lowest rung that is no less than `size`."""
    return next(each for each in rungs if each >= size)
