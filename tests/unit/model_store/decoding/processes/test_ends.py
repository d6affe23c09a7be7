"""How processes that decode fail, are ended and end, and who is told."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from model_store.decoding.in_flight import decode
from model_store.decoding.processes.counterpart import Counterpart
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.processes.messages import Report
from model_store.errors import ConfigError, DecoderProcessError
from tests.unit.model_store.decoding.processes.openers import (
    BOMB,
    open_bombed,
    open_none,
    open_wedged,
    open_with_a_bang,
)
from tests.unit.model_store.decoding.processes.rig import open_group, processes_of, run_out, short, wait_for_the_end

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")


def test_why_it_cannot_be_opened_is_raised() -> None:
    with pytest.raises(ConfigError, match="backend: none"):
        open_group(open_none)
    with pytest.raises(RuntimeError, match="_BangError: bang, 3 times"):
        open_group(open_with_a_bang)


def test_why_it_cannot_be_opened_is_raised_though_the_end_of_another_is_seen_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first_looks: list[Counterpart] = []
    wait, receive = DecoderProcesses._wait, Counterpart.receive

    def wait_for_all(group: DecoderProcesses) -> float:
        first_looks[:] = group._by_place[:1]
        assert select.select([group._by_place[1].channel], [], [], 60)[0], "it does not end"
        return wait(group)

    def receive_later(member: Counterpart) -> Report | None:
        if member in first_looks:
            first_looks.remove(member)
            return None
        return receive(member)

    monkeypatch.setattr(DecoderProcesses, "_wait", wait_for_all)
    monkeypatch.setattr(Counterpart, "receive", receive_later)
    with pytest.raises(ConfigError, match="backend: none"):
        open_group(open_none)


def test_a_step_that_fails_is_raised_and_ends_all_processes() -> None:
    group = open_group(open_bombed)
    processes = processes_of(group)
    group.admit([short(4, 5), short(4, BOMB)])
    with pytest.raises(RuntimeError, match="bang, 3 times"):
        run_out(group)
    wait_for_the_end(processes)


@pytest.mark.parametrize("place", [0, 1])
def test_a_process_that_is_killed_is_noticed(place: int) -> None:
    group = open_group()
    processes = processes_of(group)
    os.kill(processes[place], signal.SIGSTOP)  # or it could be done before
    group.admit([replace(short(number, 9), max_length=15) for number in (4, 5)])
    os.kill(processes[place], signal.SIGKILL)
    with pytest.raises(DecoderProcessError, match="has ended, or was ended"):
        run_out(group)
    wait_for_the_end(processes)


def test_a_process_that_was_killed_before_is_noticed_by_who_comes() -> None:
    group = open_group()
    processes = processes_of(group)
    os.kill(processes[1], signal.SIGKILL)
    wait_for_the_end(processes[1:])
    with pytest.raises(DecoderProcessError, match="has ended, or was ended"):
        group.admit([short(4, 5)])
    wait_for_the_end(processes)


def test_processes_end_with_the_last_reference() -> None:
    group = open_group()
    processes = processes_of(group)
    assert len({*processes, os.getpid()}) == 3
    del group
    gc.collect()
    wait_for_the_end(processes)


@pytest.fixture
def adopting() -> Iterator[None]:
    """Processes whose parent has ended are left to this one, as to process 1 of a container. It waits for none."""
    set_child_subreaper = 36
    if not sys.platform.startswith("linux"):
        pytest.skip("only on Linux")
    assert ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0) == 0
    yield
    assert ctypes.CDLL(None).prctl(set_child_subreaper, 0, 0, 0, 0) == 0


@pytest.mark.usefixtures("adopting")
@pytest.mark.parametrize("source", [(4, 5), (4, BOMB)])
def test_none_of_them_is_left_to_others_to_wait_for(source: tuple[int, ...]) -> None:
    group = open_group(open_bombed, processes=3)
    processes = processes_of(group)
    group.admit([short(*source)])
    with contextlib.suppress(RuntimeError):
        run_out(group)
    group.close()
    give_up_s = time.monotonic() + 30
    while left := [process for process in processes if Path(f"/proc/{process}").exists()]:
        assert time.monotonic() < give_up_s, f"{left} stay, ended or not"
        time.sleep(0.01)


@pytest.mark.parametrize("killed", [0, 1, None])
def test_those_that_hang_are_ended(killed: int | None, tmp_path: Path) -> None:
    group = open_group(partial(open_wedged, tmp_path))
    processes = processes_of(group)
    group.admit([short(4, 5), short(4, 6)])
    give_up_s = time.monotonic() + 30
    while {each.name for each in tmp_path.iterdir()} != set(map(str, processes)):
        assert time.monotonic() < give_up_s, "they do not step"
        time.sleep(0.01)
    if killed is not None:
        os.kill(processes[killed], signal.SIGKILL)
    group.close()
    wait_for_the_end(processes)


def test_signals_that_are_for_the_service_do_not_end_them() -> None:
    group = open_group()
    for process in processes_of(group):
        os.kill(process, signal.SIGINT)
        os.kill(process, signal.SIGTERM)
    time.sleep(0.1)
    assert len(dict(decode(group, [short(4, 5), short(4, 6)]))) == 2
    group.close()


_LEFT_BEHIND = """
import os
from model_store.decoding.processes import group as group_module
from model_store.decoding.processes.group import DecoderProcesses
from tests.unit.model_store.decoding.processes.openers import open_one
if __name__ == "__main__":
    group = DecoderProcesses(open_one, processes=2, cores=2)
    print(*(member.ready.process for member in group._by_place), flush=True)
    {end}
"""
_HANGS_WHILE_IT_OPENS = """
import os, threading, time
from model_store.decoding.processes.origin import origin
from tests.unit.model_store.decoding.processes.openers import open_stopped
from tests.unit.model_store.decoding.processes.rig import hanging, open_group, process_of
if __name__ == "__main__":
    origin().start()
    threading.Thread(target=open_group, args=(open_stopped,), daemon=True).start()
    while not (stopped := hanging(process_of(origin()))):
        time.sleep(0.01)
    print(*stopped, process_of(origin()), flush=True)
    {end}
"""


@pytest.mark.parametrize("program", [_LEFT_BEHIND, _HANGS_WHILE_IT_OPENS], ids=["idle", "hangs"])
@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), 9)"], ids=["ends", "is killed"])
def test_they_end_with_the_process_that_asks(end: str, program: str, tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text(program.format(end=end))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    asked = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    pids = [int(pid) for pid in asked.stdout.split()]
    assert len(pids) == 2, asked.stderr
    wait_for_the_end(pids)


def test_who_asks_what_is_settled_is_not_told_of_an_end_that_the_next_step_tells() -> None:
    group = open_group()
    for process in processes_of(group):
        os.kill(process, signal.SIGSTOP)
    (ticket,) = group.admit([replace(short(4, 9), max_length=15)])
    for process in processes_of(group):
        os.kill(process, signal.SIGKILL)
    wait_for_the_end(processes_of(group))
    assert group.settled(ticket) == ()
    with pytest.raises(DecoderProcessError, match="has ended, or was ended"):
        run_out(group)
