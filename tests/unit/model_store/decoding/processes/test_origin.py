"""Processes that decode come from one that is neither the program that asks nor bound to what it has around it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from model_store.decoding.in_flight import decode
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.processes.origin import Origin, origin, places_of_modules
from model_store.decoding.segment import Segment
from model_store.errors import DecoderProcessError
from tests.unit.model_store.decoding.networks import EOS
from tests.unit.model_store.decoding.processes.openers import open_one, open_that_cannot_divide
from tests.unit.model_store.decoding.processes.rig import process_of, wait_for_the_end

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")

# As somebody writes it who knows nothing of processes: without `if __name__ == "__main__":`.
_PROGRAM = """
print("begins")
from model_store.decoding.in_flight import decode
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.segment import Segment
from tests.unit.model_store.decoding.processes.openers import open_one
group = DecoderProcesses(open_one, processes=2, cores=2)
print(len(dict(decode(group, [Segment((4, 5, {eos}), max_length=6)]))))
"""


def run(arguments: list[str], folder: Path, program: str = "", **variables: str) -> str:
    """What a program prints in a folder."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places_of_modules())} | variables
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=program,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_program_is_not_run_again_for_it(tmp_path: Path) -> None:
    program = _PROGRAM.format(eos=EOS)
    (tmp_path / "program.py").write_text(program)
    assert run(["program.py"], tmp_path) == "begins\n1\n"
    assert run(["-"], tmp_path, program) == "begins\n1\n"


def test_it_needs_no_folder_and_takes_no_module_from_the_current_one(tmp_path: Path) -> None:
    programs, here = tmp_path / "programs", tmp_path / "here"
    programs.mkdir()
    here.mkdir()
    (programs / "program.py").write_text(_PROGRAM.format(eos=EOS))
    (here / "queue.py").write_text("raise SystemExit('not the one that is meant')")
    nowhere = tmp_path / ("long" * 40)
    assert run([str(programs / "program.py")], here, TMPDIR=str(nowhere)) == "begins\n1\n"


def test_it_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    started = "from model_store.decoding.processes.origin import origin; origin().start(); "
    ended = run(["-c", started + "print(origin()._process.pid)"], tmp_path)
    assert not Path(f"/proc/{int(ended)}").exists()
    killed = run(["-c", started + "import os; print(origin()._process.pid, flush=True); os._exit(0)"], tmp_path)
    wait_for_the_end([int(killed)])


def test_another_is_started_when_it_was_killed() -> None:
    origin().start()
    before = process_of(origin())
    os.kill(before, signal.SIGKILL)
    wait_for_the_end([before])
    group = DecoderProcesses(open_one, processes=2, cores=2)
    assert process_of(origin()) != before
    assert len(dict(decode(group, [Segment((4, 5, EOS), max_length=6)]))) == 1
    group.close()


def test_signals_that_are_for_the_service_do_not_end_it() -> None:
    group = DecoderProcesses(open_one, processes=2, cores=2)
    process = process_of(origin())
    os.kill(process, signal.SIGINT)
    os.kill(process, signal.SIGTERM)
    group.close()
    DecoderProcesses(open_one, processes=2, cores=2).close()
    assert process_of(origin()) == process


_IGNORES_ENDS = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
from model_store.decoding.processes.origin import origin
from tests.unit.model_store.decoding.processes.rig import open_group, process_of, processes_of, wait_for_the_end
group = open_group()
processes, first = processes_of(group), process_of(origin())
group.close()
wait_for_the_end(processes)
another = open_group()  # by then it has asked for the end of the others
origin().start()
print(process_of(origin()) == first)
"""


def test_it_goes_on_where_ends_of_processes_are_ignored(tmp_path: Path) -> None:
    assert run(["-c", _IGNORES_ENDS], tmp_path) == "True\n"


def test_why_they_cannot_divide_is_raised() -> None:
    with pytest.raises(BlockingIOError, match="no more processes"):
        DecoderProcesses(open_that_cannot_divide, processes=2, cores=2)


def test_of_two_that_give_up_the_same_none_gives_up_the_next() -> None:
    replaced = Origin()
    with contextlib.ExitStack() as ends:
        both = [ends.enter_context(end) for end in socket.socketpair()]
        asked = [replaced.fork(*both) for _request in range(2)]
    replaced.give_up(asked[0])
    replaced.start()
    process = process_of(replaced)
    replaced.give_up(asked[1])
    assert process_of(replaced) == process


def test_one_that_ends_just_then_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    ending = Origin()
    ending.start()
    os.kill(process_of(ending), signal.SIGKILL)
    wait_for_the_end([process_of(ending)])
    monkeypatch.setattr(ending._process, "poll", lambda: None)
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(DecoderProcessError, match="is gone"):
        ending.fork(theirs)
