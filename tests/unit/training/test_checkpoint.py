"""Checkpoints: whole or not at all, whatever happens while one is written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_store.errors import ConfigError
from tests.unit.training.full_disk import full_after
from tests.unit.training.tiny import same
from training.checkpoint import Checkpoint, Position, averaged_weights


def checkpoint(step: int) -> Checkpoint:
    weights = {"w": torch.full((2, 3), float(step))}
    average = {"n_averaged": torch.tensor(step), "module.w": torch.full((2, 3), step / 2)}
    optimizer = {"state": {0: {"step": torch.tensor(step), "exp_avg": torch.randn(3)}}, "param_groups": [{"lr": 0.1}]}
    return Checkpoint(Position(step, 1, 2, 3.5), weights, average, optimizer, torch.get_rng_state())


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.pt"
    saved = checkpoint(7)
    saved.save(path)
    loaded = Checkpoint.load(path)
    assert same(vars(loaded), vars(saved))
    assert [each.name for each in path.parent.iterdir()] == ["checkpoint.pt"]


def test_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for step in (1, 2):
        checkpoint(step).save(path)
    assert Checkpoint.load(path).position.step == 2


def test_a_full_disk_is_told_and_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint(1).save(path)
    message = r"checkpoint: .*checkpoint\.pt cannot be written: .*File too large"
    with full_after(1000), pytest.raises(ConfigError, match=message):
        checkpoint(2).save(path)
    assert Checkpoint.load(path).position.step == 1
    assert [each.name for each in tmp_path.iterdir()] == ["checkpoint.pt"]
    path.with_suffix(".partial").write_bytes(b"what a crash left")
    checkpoint(3).save(path)
    assert Checkpoint.load(path).position.step == 3


@pytest.mark.parametrize("value", [{}, {"position": {}}, {"position": {"steps": 1}}, [1], "text"])
def test_something_else_is_refused(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "checkpoint.pt")
    with pytest.raises(ConfigError, match="is damaged or is none"):
        Checkpoint.load(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_partial_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint(1).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    message = (
        r"checkpoint\.pt is damaged or is none; remove it to train anew \((EOFError|(RuntimeError|OSError): [^.]+)\)$"
    )
    with pytest.raises(ConfigError, match=message):
        Checkpoint.load(path)


def test_nothing_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Checkpoint.load(tmp_path / "checkpoint.pt")
    with pytest.raises(ConfigError, match="does not exist; train first"):
        averaged_weights(tmp_path / "checkpoint.pt")


def test_averaged_weights_are_named_as_the_network_names_them(tmp_path: Path) -> None:
    checkpoint(4).save(tmp_path / "checkpoint.pt")
    assert same(averaged_weights(tmp_path / "checkpoint.pt"), {"w": torch.full((2, 3), 2.0)})


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"position": {}, "network": Path("x")}, path)
    with pytest.raises(ConfigError, match=r"[Ww]eights only"):
        Checkpoint.load(path)
