"""Two ways to compute the same on a GPU, torch's kernels and one in Triton: a trial there finds which to take.

Which is faster follows the device, the network and the size of a call, and nobody has seen all devices. So both are
timed where they will run, and a kernel that does not run, or finds something else, is not taken at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from model_store.decoding.step_graphs import capturing

logger = logging.getLogger("verso.decoding")

# How far a kernel may be from torch's, as a multiple of the type's eps and of the largest number in the tensor. A
# handful are roundings of scores and of what is made of them; what is computed wrongly is further off.
MOST_ROUNDINGS = 16
CALLS, ROUNDS = 10, 3

Way: TypeAlias = Callable[..., tuple[Tensor, ...]]
Size: TypeAlias = tuple[int, ...]
Clock: TypeAlias = Callable[[Callable[[], object]], float]  # seconds that a call takes


class Ways:
    """plain: torch's. faster: what was the faster of the two, by size of the call, the smallest first."""

    def __init__(self, plain: Way, faster: Mapping[Size, Way] | None = None) -> None:
        self.plain = plain
        self._faster = faster or {}

    def of(self, *size: int) -> Way:
        """What to take for a call of that size: as at the smallest that was tried and is no smaller, else torch's."""
        for tried, way in self._faster.items():
            if all(most >= each for most, each in zip(tried, size, strict=True)):
                return way
        return self.plain


@dataclass(frozen=True)
class Trial:
    """what: is computed, for the log. kernel: gives the way in Triton, or raises. sizes: the smallest first. inputs: of
    both ways, on their device, for a call of a size; the first is a tensor of the type that they compute in."""

    what: str
    plain: Way
    kernel: Callable[[], Way]
    sizes: Sequence[Size]
    inputs: Callable[[Size], tuple[Tensor, ...]]

    @torch.inference_mode()
    def run(self, clock: Clock) -> Ways:
        """The ways to go on with, and a line in the log that says what was found. It raises nothing."""
        found: dict[Size, tuple[float, float]] = {}
        try:
            kernel = self.kernel()
            for size in self.sizes:
                found[size] = self._seconds(kernel, self.inputs(size), clock)
        except Exception as error:
            logger.warning("%s by torch's kernels, which may be slower, since Triton's is no use: %s", self.what, error)
            return Ways(self.plain)
        seconds = (
            f"{'x'.join(map(str, size))}: {1e6 * own:.1f} and {1e6 * torchs:.1f}"
            for size, (own, torchs) in found.items()
        )
        logger.info(
            "%s by the faster of Triton's kernel and torch's; microseconds by size: %s", self.what, ", ".join(seconds)
        )
        return Ways(self.plain, {size: kernel if own < torchs else self.plain for size, (own, torchs) in found.items()})

    def _seconds(self, kernel: Way, inputs: tuple[Tensor, ...], clock: Clock) -> tuple[float, float]:
        """Of both ways. Raises ValueError if they do not find the same."""
        most = MOST_ROUNDINGS * torch.finfo(inputs[0].dtype).eps
        for number, (own, torchs) in enumerate(zip(kernel(*inputs), self.plain(*inputs), strict=True)):
            largest = torchs.abs().amax().item()
            apart = (own - torchs).abs().amax().item()
            if not apart <= most * largest:  # nor if one is no number
                raise ValueError(f"result {number} is {apart:.2g} from torch's, the largest of which is {largest:.2g}")
        return clock(lambda: kernel(*inputs)), clock(lambda: self.plain(*inputs))


def clock_on(device: torch.device) -> Clock | None:
    """Times what the device does, as it does it in a step: in a graph, without the host. None if it is no GPU."""
    capture = capturing(device)
    if capture is None:
        return None

    def seconds(work: Callable[[], object]) -> float:
        def calls() -> None:
            for _call in range(CALLS):
                work()

        replay = capture(calls)
        rounds: list[float] = []
        for _round in range(ROUNDS):
            begun, ended = (torch.cuda.Event(enable_timing=True) for _each in range(2))  # type: ignore[no-untyped-call]
            begun.record()
            replay()
            ended.record()
            ended.synchronize()
            rounds.append(begun.elapsed_time(ended) / 1000 / CALLS)
        return min(rounds)

    return seconds
