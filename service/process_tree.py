"""Memory and processor time of this process and of all that come from it, to decode or to read documents."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_KIBIBYTE = 1024
# Of /proc/<pid>/stat, behind the name: utime, stime, and the same of children that the process has waited for.
_TIMES = slice(11, 15)
# The kernel looks at every page of every process: a quarter of a second for a gigabyte that is shared by nine of them.
_MEMORY_KEPT_S = 5.0
# A tree that changes while it is read is read again.
_ATTEMPTS = 5
_GONE = (FileNotFoundError, ProcessLookupError)


class ProcessTree:
    """A process and its descendants, as Linux tells of them in /proc (man 5 proc). For any thread but the event loop's.
    A process whose parent has ended does not belong to the tree any more."""

    def __init__(
        self, root: int | None = None, proc: Path = Path("/proc"), clock: Callable[[], float] = time.monotonic
    ) -> None:
        """root: a process's id; this one's if not given. clock: in seconds."""
        self._root = os.getpid() if root is None else root
        self._proc = proc
        self._clock = clock
        self._lock = threading.Lock()
        self._tells_children = (proc / f"{self._root}/task/{self._root}/children").exists()
        self._tells_memory = self._tells_children and (proc / f"{self._root}/smaps_rollup").exists()
        self._memory: int | None = None
        self._memory_read_s: float | None = None
        self._last_ticks = 0
        self._lost_ticks = 0

    def memory_bytes(self) -> int | None:
        """Proportional set size, at most five seconds old: what they have alone, and of each page that several have
        their shares, so that weights that are shared after a fork count once. None where the system does not tell it
        of all of them: a sum of resident sizes would count such pages again for each process."""
        with self._lock:
            now_s = self._clock()
            if self._memory_read_s is None or now_s - self._memory_read_s >= _MEMORY_KEPT_S:
                self._memory = self._all_memory()
                self._memory_read_s = now_s
            return self._memory

    def cpu_s(self) -> float | None:
        """Processor time, in seconds, that never falls. None where the system does not tell.

        What those that live have used is added up, and what each has taken over from children that it waited for. The
        time of a process that nobody in the tree waits for, since its parent ended before it did, leaves that sum. The
        sum's falls are made up for, so what is missing is what such a process used after the last reading, and what
        others used between two readings in which the sum fell.
        """
        with self._lock:
            if not self._tells_children:
                return None
            ticks = self._all_ticks()
            if ticks is not None:
                self._lost_ticks += max(self._last_ticks - ticks, 0)
                self._last_ticks = ticks
            return (self._last_ticks + self._lost_ticks) / os.sysconf("SC_CLK_TCK")

    def _all_memory(self) -> int | None:
        if not self._tells_memory:
            return None
        try:
            return sum(map(self._memory_of, self.processes()))
        except OSError:  # it belongs to somebody else
            return None

    def _all_ticks(self) -> int | None:
        """None if the tree does not stand still. A child that was waited for meanwhile would count twice, in itself and
        in its parent, or not at all."""
        for _attempt in range(_ATTEMPTS):
            processes = self.processes()
            try:
                ticks = sum(map(self._ticks_of, processes))
            except _GONE:
                continue
            if set(self.processes()) == set(processes):
                return ticks
        return None

    def processes(self) -> list[int]:
        """Each once, and each before its children."""
        found = [self._root]
        for process in found:  # which grows
            found += [child for child in self._children_of(process) if child not in found]
        return found

    def _children_of(self, process: int) -> list[int]:
        """That any of its threads made, and that nobody has waited for."""
        folder = self._proc / f"{process}/task"
        children = set()
        try:
            for thread in folder.iterdir():
                children |= set(map(int, _read(thread / "children").split()))
        except _GONE:  # the process has ended
            pass
        return sorted(children)

    def _memory_of(self, process: int) -> int:
        """Zero if it has ended."""
        for line in _read(self._proc / f"{process}/smaps_rollup").splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * _KIBIBYTE
        return 0

    def _ticks_of(self, process: int) -> int:
        stat = (self._proc / f"{process}/stat").read_bytes()
        return sum(map(int, stat.rpartition(b")")[2].split()[_TIMES]))


def _read(path: Path) -> bytes:
    """Nothing of a process or thread that has ended."""
    try:
        return path.read_bytes()
    except _GONE:
        return b""
