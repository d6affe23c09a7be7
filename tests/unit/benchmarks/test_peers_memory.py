"""Memory of a program among the others: of all its processes, shared pages once, and what it once had."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers.memory import peak_mb

PROGRAM = """
import os, sys
shared = b"s" * 100_000_000
passing = b"p" * 60_000_000
del passing
reading, writing = os.pipe()
children = []
for own in (0, 50_000_000):
    children.append(os.fork())
    if children[-1] == 0:
        kept = b"k" * own
        os.write(writing, b".")
        os.read(0, 1)
        os._exit(0)
for _child in children:
    os.read(reading, 1)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells of processes so")
def test_all_processes_count_and_what_they_once_had_and_a_page_that_they_share_counts_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        peak = peak_mb(process.pid)
        assert process.stdin is not None
        process.stdin.write("..")
    assert peak is not None
    assert 200 < peak < 250


def test_a_process_that_is_not_there_has_none() -> None:
    assert peak_mb(2**22 + 1) is None
