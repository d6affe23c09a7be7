"""Two processes that torchrun starts learn what one learns from the same batches."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model_store.errors import ConfigError
from tests.unit.training.tiny import sentence_pairs, write_tsv
from training.checkpoint import Checkpoint
from training.cli import app
from training.config import TrainerConfig
from training.distribution import open_fabric
from training.run_folder import RunFolder

RECIPE = """
[data]
directions = ["xx-yy", "yy-xx"]
sources = [{ name = "words", format = "tsv", left = "xx", right = "yy", path = "words.tsv" }]
validation_pairs = 5

[tokenizer]
vocabulary = 300

[network]
layers = 2
hidden = 12
embedding = 12
dropout = 0.0

[trainer]
batch_tokens = 80
batches_per_step = 2
max_steps = 30
learning_rate = 1e-2  # and a short warm-up: weights that hardly move are alike whatever they are moved by
warmup_steps = 5
average_decay = 0.5
threads = 1
log_every_steps = 1
checkpoint_every_steps = 20

[export]
name = "words"
"""
# To add two gradients and to halve and double them are exact in either order. Normalised by the tokens of one process
# alone, losses differ in the third decimal; with gradients half as large, weights in the fourth.
TOLERANCE = 1e-5


def torchrun(processes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run(
        [*launcher, "-m", "training.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def losses(log: str) -> list[tuple[str, float]]:
    """Step and loss of each line that reports one. The lines come once, from the first process alone."""
    words = [line.split() for line in log.splitlines() if " loss " in line and "validation" not in line]
    return [(line[line.index("step") + 1], float(line[line.index("loss") + 1])) for line in words]


@pytest.fixture(scope="module", name="folder")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "words.toml").write_text(RECIPE, encoding="utf-8")
    write_tsv(folder / "words.tsv", sentence_pairs(80))
    app(["prepare", str(folder / "words.toml"), "--runs", str(folder / "one")], standalone_mode=False)
    shutil.copytree(folder / "one", folder / "two")
    return folder


def test_two_processes_learn_what_one_learns(folder: Path) -> None:
    curves, weights = {}, {}
    for runs, processes in (("one", 1), ("two", 2)):
        finished = torchrun(processes, "train", str(folder / "words.toml"), "--runs", str(folder / runs))
        assert finished.returncode == 0, finished.stderr
        curves[runs] = losses(finished.stderr)
        checkpoint = Checkpoint.load(RunFolder(folder / runs / "words").checkpoint)
        assert checkpoint.position.step == 30
        weights[runs] = checkpoint.average
    assert [step for step, _loss in curves["two"]] == [step for step, _loss in curves["one"]]
    assert len(curves["one"]) == 30
    torch.testing.assert_close(
        torch.tensor([loss for _step, loss in curves["two"]]),
        torch.tensor([loss for _step, loss in curves["one"]]),
        rtol=0,
        atol=2e-3,  # they are printed with three decimals
    )
    for name, tensor in weights["one"].items():
        torch.testing.assert_close(weights["two"][name], tensor, rtol=0, atol=TOLERANCE)


@pytest.fixture(name="one_of_two")
def one_of_two_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that torchrun gives each of two processes."""
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("one_of_two")
def test_batches_that_cannot_be_shared_equally_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"batches_per_step: 3 cannot be shared among 2 .* allowed: multiples of 2"):
        open_fabric(TrainerConfig(batches_per_step=3))


@pytest.mark.usefixtures("one_of_two")
@pytest.mark.parametrize("command", ["prepare", "evaluate", "export", "run"])
def test_what_one_process_does_is_not_done_twice(tmp_path: Path, command: str) -> None:
    with pytest.raises(ConfigError, match="starts `verso-train train` only"):
        app([command, "tiny", "--runs", str(tmp_path / "runs")], standalone_mode=False)
    assert not (tmp_path / "runs").exists()
