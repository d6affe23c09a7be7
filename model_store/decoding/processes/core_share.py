"""Who of several processes is at work, and so how many threads each may use."""

from __future__ import annotations

import mmap


class CoreShare:
    """A byte for each process in memory that all have: made before they fork.

    The cores belong to those that have something to decode: one alone has them all, and each has at least one. Before a
    process knows its place it has one thread, since a fork leaves all others behind.
    """

    def __init__(self, cores: int, processes: int) -> None:
        self._cores = cores
        self._processes = processes
        self._at_work = mmap.mmap(-1, processes)
        self._place: int | None = None

    def join(self, place: int) -> None:
        """This process is number `place` from now on."""
        self._place = place

    def work(self, at_work: bool) -> None:
        """This process has something to decode, or no more."""
        assert self._place is not None
        self._at_work[self._place] = int(at_work)

    def threads(self) -> int:
        """That this process may use now, at work."""
        if self._place is None:
            return 1
        return max(self._cores // max(sum(self._at_work[: self._processes]), 1), 1)
