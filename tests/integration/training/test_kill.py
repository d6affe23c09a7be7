"""A `verso-train train` that is killed without warning goes on where its last checkpoint stands."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.training.tiny import same, sentence_pairs, write_tsv
from training.checkpoint import Checkpoint
from training.commands import app
from training.run_folder import RunFolder

RECIPE = """
[data]
directions = ["xx-yy", "yy-xx"]
sources = [{ name = "words", format = "tsv", left = "xx", right = "yy", path = "words.tsv" }]
validation_pairs = 5

[tokenizer]
vocabulary = 300

[network]
layers = 1
hidden = 8
embedding = 8

[trainer]
batch_tokens = 60
max_steps = 150
threads = 1
checkpoint_every_steps = 5

[export]
name = "words"
"""
START_S = 120  # for a process to start and write its first checkpoint, on a busy machine


def command(recipe: Path, runs: Path) -> list[str]:
    return [sys.executable, "-c", "from training.cli import main; main()", "train", str(recipe), "--runs", str(runs)]


def kill_after_first_checkpoint(recipe: Path, runs: Path, checkpoint: Path) -> None:
    with subprocess.Popen(command(recipe, runs), stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_S
        while not checkpoint.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"no checkpoint; the process ended with {process.returncode}")
            time.sleep(0.005)
        process.kill()
        assert process.wait() == -signal.SIGKILL


def test_a_killed_and_resumed_run_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    recipe, whole, killed = tmp_path / "words.toml", tmp_path / "whole", tmp_path / "killed"
    recipe.write_text(RECIPE, encoding="utf-8")
    write_tsv(tmp_path / "words.tsv", sentence_pairs(60))
    app(["prepare", str(recipe), "--runs", str(whole)], standalone_mode=False)
    shutil.copytree(whole, killed)
    app(["train", str(recipe), "--runs", str(whole)], standalone_mode=False)
    expected = Checkpoint.load(RunFolder(whole / "words").checkpoint)
    assert expected.position.step == 150

    checkpoint = RunFolder(killed / "words").checkpoint
    kill_after_first_checkpoint(recipe, killed, checkpoint)
    assert 5 <= Checkpoint.load(checkpoint).position.step < 150

    subprocess.run(command(recipe, killed), check=True, stderr=subprocess.DEVNULL)
    resumed = Checkpoint.load(checkpoint)
    for name in ("network", "average", "optimizer", "random_state"):
        assert same(getattr(resumed, name), getattr(expected, name)), name
