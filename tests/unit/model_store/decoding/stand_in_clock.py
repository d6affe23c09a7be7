"""A clock for trials on a CPU, where a kernel of Triton's is a stand-in, and what trials said."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor


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


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [f"{record.levelname}: {record.getMessage()}" for record in caplog.records]
