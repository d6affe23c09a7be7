"""A run's folder belongs to one process at a time, and what is there already is said, not silently taken."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from tests.integration.training.test_options import BASE, invoke
from training.cli import main
from training.dataset import PackedPairs
from training.run import RECIPES
from training.run_folder import RunFolder

HOLD = """
import sys
from pathlib import Path
from training.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def call(folder: Path, command: str, *options: str) -> str:
    recipe, runs = str(folder / "small.toml"), str(folder / "runs")
    return invoke(command, recipe, "--data", str(RECIPES), "--runs", runs, *options)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recipe, small.toml, that was prepared."""
    (tmp_path / "small.toml").write_text(BASE.format(tiny=RECIPES / "tiny.toml"), encoding="utf-8")
    call(tmp_path, "prepare")
    return tmp_path


def test_a_folder_that_another_process_works_in_is_refused_until_that_ends(folder: Path) -> None:
    root = RunFolder(folder / "runs" / "option").root
    command = [sys.executable, "-c", HOLD, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        for step in ("prepare", "train", "run"):
            with pytest.raises(ConfigError, match=r"option: another process prepares or trains there"):
                call(folder, step)
        other.kill()
    call(folder, "train")


def test_preparing_that_is_cut_short_leaves_nothing_that_looks_prepared(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(_pairs: PackedPairs, _folder: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(PackedPairs, "save", cut_short)
    with pytest.raises(ConfigError, match=r"data: .*data cannot be written: no space left"):
        call(folder, "prepare")
    with pytest.raises(ConfigError, match=r"prepared\.json does not exist; run `verso-train prepare"):
        call(folder, "train")


def test_what_was_prepared_and_trained_before_is_said(folder: Path) -> None:
    root = folder / "runs" / "option"
    assert f"{root / 'data'} was prepared before, and is not again; to learn anew, remove {root} or" in call(
        folder, "run"
    )
    again = call(folder, "run")
    assert "raise export.version" in again
    assert f"to learn anew, remove {root} or choose another --runs" in again
    recipe = folder / "small.toml"
    recipe.write_text(recipe.read_text(encoding="utf-8") + 'version = "2"\n', encoding="utf-8")
    assert "checkpoint.pt is at the recipe's end, after 12 updates: nothing more is learned; to" in call(folder, "run")


def test_a_folder_that_cannot_be_made_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = str(folder / "small.toml")
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # which main sets for the process
    monkeypatch.setattr(sys, "argv", ["verso-train", "prepare", recipe, "--data", str(RECIPES), "--runs", recipe])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert capsys.readouterr().err.startswith(f"verso-train: --runs: {recipe}/option cannot be written: ")
