"""verso-train where only what serving needs is installed."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from training.cli import OF_THE_EXTRA

ROOT = Path(__file__).parents[3]
WITHOUT = """
import runpy, sys
missing = sys.argv.pop(1)

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusing())
runpy.run_module("training.cli", run_name="__main__")
"""


def call_without(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, module, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("module", ["lightning_fabric", "tensorboard"])
def test_without_the_extra_it_is_one_line_that_says_what_to_install(module: str) -> None:
    result = call_without(module, "train", "tiny")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"verso-train: {module} is not installed, which the extra `train` has: pip install '.[train]', in the folder "
        "of Verso's sources\n"
    )


def test_a_module_that_is_missing_in_verso_itself_is_not_taken_for_that() -> None:
    result = call_without("training.trainer", "train", "tiny")
    assert result.returncode == 1
    assert "No module named 'training.trainer'" in result.stderr
    assert "pip install" not in result.stderr


def test_all_that_the_extra_brings_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [each.partition(">")[0] for each in project["optional-dependencies"]["train"]]
    assert sorted(OF_THE_EXTRA) == sorted(
        {"python-debian": "debian"}.get(name, name.replace("-", "_")) for name in names
    )
