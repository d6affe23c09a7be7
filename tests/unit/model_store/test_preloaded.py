"""What processes that decode come from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.model_store.decoding.kinds import needs_simd
from tests.unit.model_store.tiny_bundle import save_tiny


def run(code: str, *arguments: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_simd
def test_it_has_every_kernel_and_no_thread_that_a_fork_would_leave_behind() -> None:
    loaded = run("""
import threading
import numba
import model_store.preloaded
import torch
from model_store.decoding.backends.simd import among, choosing, phases
called = (phases.step_layers, phases.run_layer, phases.linear, choosing.best_extensions, among.logits_among)
print(*(len(each.signatures) for each in called), threading.active_count(), torch.get_num_threads())
""")
    assert loaded == "1 1 1 1 1 1 1"


def test_a_bundle_is_read_without_torchs_compiler(tmp_path: Path) -> None:
    """It takes a second to import, and 70 MB."""
    save_tiny(tmp_path / "tiny")
    code = """
import sys
from pathlib import Path
from model_store.bundle import load_bundle
load_bundle(Path(sys.argv[1])).network()
print("torch._dynamo" in sys.modules)
"""
    assert run(code, str(tmp_path / "tiny")) == "False"
