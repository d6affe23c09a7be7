"""Threads that share the work of one call: each takes the next piece until there is none.

A call is a number of phases, one after the other, each of some pieces. Whoever comes to a phase takes pieces from a
common counter, and goes on when all are done. So a thread that the machine keeps waiting is not waited for: the others
do its share; and as pieces are computed alike by whoever has them, results do not depend on the threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.instructions import fetch, fetch_add, yield_processor

Array = np.ndarray[Any, Any]

# Of one thread, on a Zen 4 at 3 GHz or so: products of floats with their sums, and logits that are looked through.
SUMS_A_US, LOGITS_A_US = 20_000, 1_000
# To wake a thread and to hear of its end costs the caller about half of it (docs/performance.md, "Kernels").
WORTH_A_THREAD_US = 200
_LINE = 8  # int64s in a line of the cache, so that counters do not share one
_SPINS = 2000


@compiled
def take(counters: Array, phase: int, pieces: int) -> int:
    """The next piece of a phase; -1 if none is left. counters: int64 zeros, shape = (phases, 2, 8)."""
    piece = fetch_add(counters.ctypes.data + (2 * phase) * _LINE * 8, 1)
    return piece if piece < pieces else -1


@compiled
def finish(counters: Array, phase: int) -> None:
    """A piece of the phase is done."""
    fetch_add(counters.ctypes.data + (2 * phase + 1) * _LINE * 8, 1)


@compiled
def wait(counters: Array, phase: int, pieces: int) -> None:
    """Until all pieces of the phase are done."""
    spins = 0
    while fetch(counters.ctypes.data + (2 * phase + 1) * _LINE * 8) < pieces:
        spins += 1
        if spins > _SPINS:
            yield_processor()


class Team:
    """The calling thread and `size - 1` others. allowed: how many of all may be at work now, asked at each call; all
    unless given."""

    def __init__(self, size: int, allowed: Callable[[], int] | None = None) -> None:
        self.size = size
        self._allowed = allowed or (lambda: size)
        self.others = ThreadPoolExecutor(size - 1, thread_name_prefix="verso-kernel") if size > 1 else None

    def run(self, work: Callable[..., None], phases: int, *arguments: object, cost_us: float) -> None:
        """Call work(thread, counters, *arguments) in some threads; returns when the work is done.

        cost_us: about how many microseconds it takes one thread; there are as many as have WORTH_A_THREAD_US to do. One
        that comes too late finds nothing left to take, so nobody waits for it.
        """
        engaged = min(self.size, self._allowed(), max(int(cost_us / WORTH_A_THREAD_US), 1))
        counters = np.zeros((phases, 2, _LINE), dtype=np.int64)
        started = [
            self.others.submit(work, thread, counters, *arguments) for thread in range(1, engaged) if self.others
        ]
        work(0, counters, *arguments)
        for each in started:
            if not each.cancel() and each.done():
                each.result()
