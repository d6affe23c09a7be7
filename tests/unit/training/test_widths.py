"""Training with units that stay zero is training without them, and no checkpoint tells the difference."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.training.test_trainer import trainer_of, without_time
from tests.unit.training.tiny import RecordingLog, recipe, same
from training.checkpoint import averaged_weights
from training.config import Recipe


def run_of(multiple: int, **network: object) -> Recipe:
    return recipe(network={"dropout": 0.0, **network}, trainer={"widths_multiple_of": multiple, "max_steps": 6})


def test_the_same_is_learned_in_wider_networks(tmp_path: Path) -> None:
    logs = {multiple: RecordingLog() for multiple in (1, 7)}
    for multiple, log in logs.items():
        trainer = trainer_of(run_of(multiple), tmp_path / f"{multiple}.pt", log=log)
        assert (trainer.network.config.hidden % 7 == 0) == (multiple == 7)
        outcome = trainer.run()
        assert outcome.average.config == run_of(multiple).network
    torch.testing.assert_close(logs[7].losses, logs[1].losses, rtol=1e-5, atol=1e-5)
    plain, wide = (averaged_weights(tmp_path / f"{multiple}.pt") for multiple in logs)
    Seq2Seq(run_of(1).network).load_state_dict(wide)  # of the recipe's widths
    torch.testing.assert_close(wide, plain, rtol=0, atol=2e-3)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_is_gone_on_with_to_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    run = run_of(7, tied_embeddings=False)
    run = run.model_copy(update={"trainer": run.trainer.model_copy(update={"optimizer": optimizer})})
    trainer_of(run, tmp_path / "whole.pt").run()
    for steps in (2, 1, 9):
        trainer_of(run, tmp_path / "parts.pt").run(max_steps=steps)
    assert same(without_time(tmp_path / "parts.pt"), without_time(tmp_path / "whole.pt"))


def test_a_checkpoint_of_another_width_is_refused(tmp_path: Path) -> None:
    trainer_of(run_of(7), tmp_path / "c.pt").run(max_steps=1)
    with pytest.raises(ConfigError, match=r"trainer\.widths_multiple_of: 1, but .* was trained with another"):
        trainer_of(run_of(1), tmp_path / "c.pt").run()
