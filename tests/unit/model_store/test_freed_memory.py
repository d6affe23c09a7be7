"""What lies free between blocks that are kept is given back."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from model_store.freed_memory import give_back_freed_memory

# Resident memory in MB, with 200 MB between blocks that are kept, after they are freed, and after they are given back.
IN_PIECES = """
from model_store.freed_memory import give_back_freed_memory
from training.allocation import keep_freed_memory
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 >> 20
keep_freed_memory()
blocks = [bytearray(1 << 20) for _ in range(400)]
del blocks[::2]
print(resident())
give_back_freed_memory()
print(resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library is left alone")
def test_what_lies_free_in_pieces_is_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", IN_PIECES], check=True, capture_output=True, text=True, timeout=60)
    before, after = map(int, run.stdout.split())
    assert before > 400
    assert after < before - 150


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    give_back_freed_memory()
