"""Memory and time of a tree of processes: of real ones, and of any history of forks and ends in a made-up /proc."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import process_tree
from service.process_tree import ProcessTree
from tests.unit.service.made_up_proc import MadeUp

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells of processes so")

_BEGIN = """
import os, sys, threading, time

def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass

def told(what):
    print(what, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def running(program: str) -> Iterator[subprocess.Popen[str]]:
    """A process that does `program` and then what each line asks for."""
    with subprocess.Popen(
        [sys.executable, "-c", _BEGIN + program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return heard(process)


def resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@linux
def test_pages_that_are_shared_after_a_fork_count_once_and_no_descendant_is_missed() -> None:
    """Of 100 MB that four processes have: two children, one of them made by a thread, and a grandchild with 50 MB of
    its own. They stay until the end of their standard input."""
    program = """
shared = b"x" * 100_000_000
done, ready = os.pipe()
def child(own, make=None):
    if os.fork() == 0:
        kept = b"y" * own
        if make: make()
        os.write(ready, b".")
        time.sleep(600)
threading.Thread(target=child, args=(0, lambda: child(50_000_000))).start()
child(0)
while os.read(done, 1): told("one more")
"""
    with running(program) as process:
        tree = ProcessTree(process.pid)
        heard(process)
        go_on(process)
        go_on(process)
        processes = tree.processes()
        try:
            assert len(processes) == 4
            memory = tree.memory_bytes()
            assert memory is not None
            assert 150_000_000 < memory < 220_000_000
            assert sum(map(resident, processes)) > 450_000_000
        finally:
            for each in processes[1:]:
                os.kill(each, 9)


@linux
def test_time_of_a_child_counts_once_while_it_lives_when_it_has_ended_and_when_it_was_waited_for() -> None:
    program = """
reading, writing = os.pipe()
told("begun")
if (pid := os.fork()) == 0:
    burn(0.5)
    os.write(writing, b".")
    time.sleep(600)
os.read(reading, 1)
told("lives")
os.kill(pid, 9)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
told("has ended")
os.waitpid(pid, 0)
told("was waited for")
"""
    with running(program) as process:
        tree = ProcessTree(process.pid)
        heard(process)
        before = tree.cpu_s()
        assert before is not None
        for state, processes in (("lives", 2), ("has ended", 2), ("was waited for", 1)):
            assert go_on(process) == state
            assert len(tree.processes()) == processes
            after = tree.cpu_s()
            assert after is not None
            assert 0.5 - 2 * TICK_S <= after - before <= 0.75, state


@linux
def test_the_counter_does_not_fall_when_a_parent_ends_before_its_child_and_goes_on() -> None:
    program = """
reading, writing = os.pipe()
if (pid := os.fork()) == 0:
    if (orphan := os.fork()) == 0:
        burn(0.5)
        os.write(writing, b".")
        time.sleep(600)
    time.sleep(600)
os.read(reading, 1)
told("all live")
os.kill(pid, 9)
os.waitpid(pid, 0)
told("one is nobody's")
burn(0.3)
told("more was done")
"""
    with running(program) as process:
        tree = ProcessTree(process.pid)
        readings = []
        try:
            heard(process)
            processes = tree.processes()
            assert len(processes) == 3
            readings.append(tree.cpu_s())
            for _state in range(2):
                go_on(process)
                readings.append(tree.cpu_s())
            assert len(tree.processes()) == 1
        finally:
            os.kill(processes[2], 9)
        first, second, third = [reading for reading in readings if reading is not None]
        assert first >= 0.5 - 2 * TICK_S
        assert first <= second <= first + 0.25
        assert 0.3 - 2 * TICK_S <= third - second <= 0.5


@settings(max_examples=25, deadline=None)
@given(data=st.data(), steps=st.integers(1, 25))
def test_after_any_history_nothing_counts_twice_nothing_falls_and_only_what_left_is_missing(
    data: st.DataObject, steps: int
) -> None:
    with TemporaryDirectory() as folder:
        made_up = MadeUp(Path(folder))
        tree = ProcessTree(1, Path(folder))
        last = lost = 0.0
        for _step in range(steps):
            living = sorted(made_up.processes)
            chosen = data.draw(st.sampled_from(living))
            kind = data.draw(st.sampled_from(["fork", "work", "work", "end"]))
            if kind == "fork":
                made_up.fork(chosen)
            elif kind == "work":
                made_up.work(chosen, data.draw(st.integers(1, 1000)))
            elif chosen != 1:
                lost += made_up.end(chosen)
            if data.draw(st.booleans()):
                told = tree.cpu_s()
                assert told is not None
                ticks = round(told / TICK_S)
                assert last <= ticks <= made_up.used
                assert ticks >= made_up.used - lost
                last = ticks
        made_up.work(1, 5)
        before = tree.cpu_s()
        for process in [each for each in made_up.processes if made_up.processes[each].parent == 1]:
            made_up.end(process)  # read after each, a tree loses nothing
            assert tree.cpu_s() == before


def test_a_child_that_is_waited_for_while_the_tree_is_read_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = MadeUp(tmp_path)
    tree = ProcessTree(1, tmp_path)
    child = made_up.fork(1)
    made_up.work(child, 100)
    read = ProcessTree._ticks_of

    def interrupted(tree: ProcessTree, process: int) -> int:
        ticks = read(tree, process)
        if child in made_up.processes:
            made_up.end(child)
        return ticks

    monkeypatch.setattr(ProcessTree, "_ticks_of", interrupted)
    assert tree.cpu_s() == pytest.approx(100 * TICK_S)
    assert child not in made_up.processes


def test_a_child_that_the_kernel_passed_over_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its list of children may lack one while another ends (man 5 proc)."""
    made_up = MadeUp(tmp_path)
    tree = ProcessTree(1, tmp_path)
    made_up.work(made_up.fork(1), 100)
    assert tree.cpu_s() == pytest.approx(100 * TICK_S)
    read = ProcessTree._children_of
    passed_over: list[int] = []

    def incomplete(tree: ProcessTree, process: int) -> list[int]:
        children = read(tree, process)
        if not passed_over:
            passed_over.append(children.pop())
        return children

    monkeypatch.setattr(ProcessTree, "_children_of", incomplete)
    for _reading in range(2):
        assert tree.cpu_s() == pytest.approx(100 * TICK_S)
    assert passed_over


def test_a_tree_that_never_stands_still_has_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = MadeUp(tmp_path)
    tree = ProcessTree(1, tmp_path)
    made_up.work(1, 7)
    before = tree.cpu_s()
    read = ProcessTree._ticks_of

    def restless(tree: ProcessTree, process: int) -> int:
        made_up.work(made_up.fork(1), 1000)
        return read(tree, process)

    monkeypatch.setattr(ProcessTree, "_ticks_of", restless)
    assert tree.cpu_s() == before
    monkeypatch.undo()
    assert (tree.cpu_s() or 0) > (before or 0)


def test_memory_is_not_read_at_every_call(tmp_path: Path) -> None:
    made_up = MadeUp(tmp_path)
    now_s = [100.0]
    tree = ProcessTree(1, tmp_path, lambda: now_s[0])
    assert tree.memory_bytes() == 10 * 1024
    made_up.fork(1)
    now_s[0] += process_tree._MEMORY_KEPT_S - 0.1
    assert tree.memory_bytes() == 10 * 1024
    now_s[0] += 0.1
    assert tree.memory_bytes() == 2 * 10 * 1024


def test_what_the_system_does_not_tell_is_not_made_up(tmp_path: Path) -> None:
    nowhere = ProcessTree(1, tmp_path / "nowhere")
    assert (nowhere.memory_bytes(), nowhere.cpu_s()) == (None, None)
    made_up = MadeUp(tmp_path)
    child = made_up.fork(1)
    made_up.work(child, 3)
    (tmp_path / "1/smaps_rollup").rename(tmp_path / "1/smaps")
    older = ProcessTree(1, tmp_path)
    assert older.memory_bytes() is None
    assert older.cpu_s() == pytest.approx(3 * TICK_S)
    (tmp_path / "1/task/1/children").rename(tmp_path / "1/task/1/none")
    childless = ProcessTree(1, tmp_path)
    assert (childless.memory_bytes(), childless.cpu_s()) == (None, None)


def test_memory_of_somebody_else_is_not_left_out_unsaid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = MadeUp(tmp_path)
    child = made_up.fork(1)
    tree = ProcessTree(1, tmp_path)
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path == tmp_path / f"{child}/smaps_rollup":
            raise PermissionError(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert tree.memory_bytes() is None
    assert tree.cpu_s() == 0.0
