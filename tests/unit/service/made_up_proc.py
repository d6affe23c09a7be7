"""A tree of processes that is made up, as Linux tells of one in /proc."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Process:
    """One that was made up."""

    parent: int
    own: int = 0
    waited_for: int = 0
    children: list[int] = field(default_factory=list)


class MadeUp:
    """A /proc with a tree below process 1, whose time is known."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.processes: dict[int, Process] = {}
        self.used = 0
        self._made = 0
        self.fork(0)

    def fork(self, parent: int) -> int:
        self._made = made = self._made + 1
        self.processes[made] = Process(parent)
        folder = self.proc / str(made) / "task" / str(made)
        folder.mkdir(parents=True)
        (self.proc / str(made) / "smaps_rollup").write_text("0-1 [rollup]\nRss: 30 kB\nPss: 10 kB\nPss_Anon: 5 kB\n")
        if parent:
            self.processes[parent].children.append(made)
            self._write(parent)
        self._write(made)
        return made

    def work(self, process: int, ticks: int) -> None:
        self.processes[process].own += ticks
        self.used += ticks
        self._write(process)

    def end(self, process: int) -> int:
        """Its parent has waited for it; its children are nobody's any more. Ticks that left the tree."""
        gone = self.processes.pop(process)
        lost = sum(self._leave(child) for child in gone.children)
        parent = self.processes[gone.parent]
        parent.waited_for += gone.own + gone.waited_for
        parent.children.remove(process)
        self._write(gone.parent)
        self._remove(process)
        return lost

    def _leave(self, process: int) -> int:
        gone = self.processes.pop(process)
        self._remove(process)
        return gone.own + gone.waited_for + sum(map(self._leave, gone.children))

    def _remove(self, process: int) -> None:
        shutil.rmtree(self.proc / str(process))

    def _write(self, number: int) -> None:
        each, folder = self.processes[number], self.proc / str(number)
        (folder / "task" / str(number) / "children").write_text(" ".join(map(str, each.children)))
        head = f"{number} (a ) name) S {each.parent} " + " ".join(["7"] * 9)
        (folder / "stat").write_text(f"{head} {each.own} 0 {each.waited_for} 0 20 0 1 0 99")
