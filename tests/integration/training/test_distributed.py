"""Two processes that torchrun starts learn what one learns from the same recipe."""

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
from training.batching import plan_epoch
from training.checkpoint import Checkpoint
from training.commands import app
from training.run import Run
from training.run_folder import RunFolder

RECIPE = """
[data]
directions = ["xx-yy", "yy-xx"]
sources = [{{ name = "words", format = "tsv", left = "xx", right = "yy", path = "words.tsv" }}]
validation_pairs = 5

[tokenizer]
vocabulary = 300

[network]
layers = 2
hidden = 12
embedding = 12
dropout = 0.0

[trainer]
batch_tokens = 50
batches_per_step = {batches}
max_steps = 30
optimizer = "{optimizer}"
learning_rate = 1e-2  # and a short warm-up: weights that hardly move are alike whatever they are moved by
warmup_steps = 5
average_decay = 0.5
threads = 1
log_every_steps = 1
checkpoint_every_steps = 20

[export]
name = "words"
"""
# At most how far weights, of up to 1, may lie apart in the end. Normalised by the tokens of one process alone, losses
# differ in the third decimal; with gradients half as large, weights in the fourth.
WHOLE = 1e-5  # to add two gradients and to halve and double them are exact in either order
DIVIDED = 1e-5  # the sums over a batch's tokens are in another order


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


@pytest.fixture(scope="module", name="prepared")
def prepared_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "words.toml").write_text(RECIPE.format(batches=1, optimizer="adamw"), encoding="utf-8")
    write_tsv(folder / "words.tsv", sentence_pairs(80))
    app(["prepare", str(folder / "words.toml"), "--runs", str(folder / "runs")], standalone_mode=False)
    return folder


def sizes_of_batches(runs: Path) -> list[int]:
    """How many examples are in each batch that 30 updates of one batch learn from."""
    run = Run.open(str(runs.parent / "words.toml"), None, runs, None)
    train, _validation = run.examples(run.tokenizer())
    lengths, trainer = (train.source_lengths, train.target_lengths), run.recipe.trainer
    epochs = [plan_epoch(*lengths, batch_tokens=trainer.batch_tokens, seed=trainer.seed, epoch=n) for n in range(3)]
    return [len(batch) for epoch in epochs for batch in epoch][: trainer.max_steps]


@pytest.mark.parametrize(
    ("batches", "optimizer", "tolerance"), [(1, "adamw", DIVIDED), (2, "adamw", WHOLE), (2, "muon", WHOLE)]
)
def test_two_processes_learn_what_one_learns(
    batches: int, optimizer: str, tolerance: float, prepared: Path, tmp_path: Path
) -> None:
    recipe = prepared / f"words-{batches}-{optimizer}.toml"
    recipe.write_text(RECIPE.format(batches=batches, optimizer=optimizer), encoding="utf-8")
    assert 1 in sizes_of_batches(prepared / "runs")  # of which one process gets nothing
    curves, weights = {}, {}
    for name, processes in (("one", 1), ("two", 2)):
        shutil.copytree(prepared / "runs", tmp_path / name)
        finished = torchrun(processes, "train", str(recipe), "--runs", str(tmp_path / name))
        assert finished.returncode == 0, finished.stderr
        curves[name] = losses(finished.stderr)
        checkpoint = Checkpoint.load(RunFolder(tmp_path / name / "words").checkpoint)
        assert checkpoint.position.step == 30
        weights[name] = checkpoint.average
    assert [step for step, _loss in curves["two"]] == [step for step, _loss in curves["one"]]
    assert len(curves["one"]) == 30
    torch.testing.assert_close(
        torch.tensor([loss for _step, loss in curves["two"]]),
        torch.tensor([loss for _step, loss in curves["one"]]),
        rtol=0,
        atol=2e-3,  # they are printed with three decimals
    )
    for name, tensor in weights["one"].items():
        torch.testing.assert_close(weights["two"][name], tensor, rtol=0, atol=tolerance)


@pytest.fixture(name="one_of_two")
def one_of_two_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that torchrun gives each of two processes."""
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("one_of_two")
@pytest.mark.parametrize("command", ["prepare", "evaluate", "export", "run"])
def test_what_one_process_does_is_not_done_twice(tmp_path: Path, command: str) -> None:
    with pytest.raises(ConfigError, match="starts `verso-train train` only"):
        app([command, "tiny", "--runs", str(tmp_path / "runs")], standalone_mode=False)
    assert not (tmp_path / "runs").exists()
