"""What native libraries are told, and that it does what it is for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from service.native_libraries import DEFAULTS, set_defaults

# As many shapes as a decoder's steps have in hours.
GROWTH = """
import sys
from service.native_libraries import set_defaults
if sys.argv[1] == "defaults": set_defaults()
import os, pathlib, torch
from model_store.decoding.backends.int8_linear import Int8Linear, is_exact
torch.set_num_threads(1)
# Not ru_maxrss, which a process takes over from the one that started it.
def resident(): return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
if is_exact():
    layer = Int8Linear(torch.randn(256, 128))
    layer(torch.randn(1, 128))
    before = resident()
    for rows in range(1, 500):
        layer(torch.randn(rows, 128))
    print((resident() - before) // 2**20)
"""


def test_what_the_operator_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    set_defaults()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == DEFAULTS["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY")


def test_code_for_shapes_that_come_and_go_is_not_kept() -> None:
    own = {name: value for name, value in os.environ.items() if name not in DEFAULTS}
    command = [sys.executable, "-c", GROWTH]
    grown = [
        subprocess.run([*command, which], env=own, capture_output=True, text=True, check=True).stdout
        for which in ("defaults", "nothing")
    ]
    if not grown[0]:
        pytest.skip("this machine has no such kernel")
    kept, all_of_it = map(int, grown)
    assert kept < all_of_it / 2, f"{kept} MB of {all_of_it}"
