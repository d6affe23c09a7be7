"""Freed memory stays with the process, counted by the pages that the kernel has to give it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from training.allocation import keep_freed_memory

# Page faults while blocks of 16 MB are asked for and freed, one after the other: 4096 a block that has to be mapped.
PROGRAM = """
from resource import RUSAGE_SELF, getrusage
from training.allocation import keep_freed_memory
print(keep_freed_memory())
bytearray(16 << 20)
before = getrusage(RUSAGE_SELF).ru_minflt
for _ in range(20):
    bytearray(16 << 20)
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library is left alone")
def test_a_block_that_was_freed_costs_no_page_again() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60)
    said, faults = run.stdout.split()
    assert said == "True"
    assert int(faults) < 100


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()
