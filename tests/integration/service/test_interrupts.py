"""Ctrl-C while the command line waits for its input, at a real terminal and from real pipes: once is enough."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.bulk.in_flight_lines import BATCHES_AT_ONCE, LINES
from tests.integration.service.server import PATIENCE_S, Served, environment

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="asks /proc who is left")

ENDS_WITHIN_S = 20.0
TRANSLATE = ("translate", "--from", "en", "--to", "ru")
# In a session whose terminal is standard input, so that Ctrl-C there is for it.
AT_TERMINAL = """
import os, sys
os.login_tty(0)
os.execv(sys.executable, [sys.executable, "-m", "service.cli", *sys.argv[1:]])
"""


class Running:
    """A command line that models decode for in processes of their own, and what it has written."""

    def __init__(self, process: subprocess.Popen[bytes], output: int, interrupt: Callable[[], object]) -> None:
        self.process, self.written = process, b""
        self._output, self._interrupt = output, interrupt

    def wait_until(self, happened: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """What it writes meanwhile is read."""
        give_up = time.monotonic() + patience_s
        while not happened():
            assert time.monotonic() < give_up, self.written.decode(errors="replace")
            if select.select([self._output], [], [], 0.02)[0]:
                self.written += os.read(self._output, 65_536)

    def wait_until_it_waits(self, happened: Callable[[], bool]) -> None:
        """Returns soon after that, when it can but wait for more input."""
        self.wait_until(lambda: happened() or self.process.poll() is not None)
        time.sleep(0.3)
        assert self.process.poll() is None, self.written.decode(errors="replace")

    def assert_one_interrupt_ends_it(self, mark: Path) -> None:
        """At once, without a word, and with all that has come from it."""
        self._interrupt()
        self.wait_until(lambda: self.process.poll() is not None and not living(mark), ENDS_WITHIN_S)
        assert self.process.returncode == 130, self.written.decode(errors="replace")
        assert b"Error" not in self.written
        assert b"Traceback" not in self.written


def living(mark: Path) -> list[str]:
    """Processes that were started with this mark, and all that have come from them."""
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if os.fsencode(mark) in each.read_bytes():
                found.append(each.parent.name)
    return found


def all_is_read(descriptor: int) -> bool:
    """Of what was written to a terminal or a pipe."""
    return struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))) == (0,)


def hear_interrupts() -> None:
    """Whoever runs the tests in the background has them ignored, and so would all that is started."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(program: list[str], store: Path, mark: Path, stdin: int, output: int) -> subprocess.Popen[bytes]:
    variables = environment(store, THREADS="2", DECODER_PROCESSES="2") | {"MARK": str(mark)}
    own_session = program[0] == "-m"  # the other makes one itself
    return subprocess.Popen(
        [sys.executable, *program],
        env=variables,
        stdin=stdin,
        stdout=output,
        stderr=output,
        start_new_session=own_session,
        preexec_fn=hear_interrupts,
    )


@contextlib.contextmanager
def at_terminal(store: Path, mark: Path, *arguments: str) -> Iterator[tuple[Running, int, int]]:
    """With both ends of the terminal."""
    master, slave = pty.openpty()
    process = started(["-c", AT_TERMINAL, *arguments], store, mark, slave, slave)
    try:
        yield Running(process, master, lambda: os.write(master, b"\x03")), master, slave
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)


@contextlib.contextmanager
def in_pipe(store: Path, mark: Path, *arguments: str) -> Iterator[tuple[Running, int]]:
    """With the end of the pipe that its standard input is written to."""
    (stdin, written_to), (read, output) = os.pipe(), os.pipe()
    process = started(["-m", "service.cli", *arguments], store, mark, stdin, output)
    os.close(output)
    try:
        # To the whole group, as a terminal does.
        yield Running(process, read, lambda: os.killpg(process.pid, signal.SIGINT)), written_to
    finally:
        process.kill()
        process.wait()
        for each in (stdin, written_to, read):
            os.close(each)


def test_lines_that_are_typed(store: Path, tmp_path: Path) -> None:
    with at_terminal(store, tmp_path, *TRANSLATE) as (running, master, _slave):
        os.write(master, b"one two\n")
        # The terminal itself shows what is typed, and then there is the answer.
        running.wait_until_it_waits(lambda: running.written.count(b"\n") == 2)
        assert len(living(tmp_path)) > 2
        running.assert_one_interrupt_ends_it(tmp_path)


@pytest.mark.parametrize("arguments", [(*TRANSLATE, "--format", "html"), ("summarize",)])
def test_a_whole_that_is_typed(store: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with at_terminal(store, tmp_path, *arguments) as (running, master, slave):
        os.write(master, b"one two\n")
        # It is there once the terminal has shown it.
        running.wait_until_it_waits(lambda: b"\n" in running.written and all_is_read(slave))
        running.assert_one_interrupt_ends_it(tmp_path)


def test_a_pipe(store: Path, tmp_path: Path) -> None:
    with in_pipe(store, tmp_path, *TRANSLATE) as (running, written_to):
        os.write(written_to, b"one two\n")
        running.wait_until_it_waits(lambda: all_is_read(written_to))
        running.assert_one_interrupt_ends_it(tmp_path)


@pytest.mark.parametrize(
    ("format", "by_server"), [("text", True), ("html", True), ("document", True), ("document", False)]
)
def test_a_fifo(server: Served, store: Path, tmp_path: Path, format: str, by_server: bool) -> None:
    fifo = tmp_path / "in.html"
    os.mkfifo(fifo)
    both_ends = os.open(fifo, os.O_RDWR)
    os.write(both_ends, b"<p>one two\n")
    arguments = [*TRANSLATE, "--format", format, *(("--server", server.url) if by_server else ()), str(fifo)]
    try:
        with in_pipe(store, tmp_path, *arguments) as (running, _stdin):
            running.wait_until_it_waits(lambda: all_is_read(both_ends))
            running.assert_one_interrupt_ends_it(tmp_path)
    finally:
        os.close(both_ends)


def test_a_fifo_that_nobody_opens(server: Served, store: Path, tmp_path: Path) -> None:
    fifo, lines = tmp_path / "fifo", tmp_path / "lines.txt"
    os.mkfifo(fifo)
    lines.write_text("one two\n" * LINES * BATCHES_AT_ONCE)  # the first are written when these have been read
    with in_pipe(store, tmp_path, *TRANSLATE, "--server", server.url, str(lines), str(fifo)) as (running, _stdin):
        running.wait_until_it_waits(lambda: bool(running.written))
        running.assert_one_interrupt_ends_it(tmp_path)
