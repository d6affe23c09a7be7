"""The recipe of the reference network, which wants a GPU, on a CPU: its updates lower the loss of what they learn from.
Small batches of another corpus, at a rate that it has in its warm-up."""

from __future__ import annotations

from pathlib import Path

from tests.unit.training.tiny import RecordingLog, examples
from training.checkpoint import Position
from training.recipe_file import changed, load_recipe
from training.run import RECIPES
from training.trainer import Trainer

UPDATES = 6


def test_updates_lower_the_loss_of_what_they_learn_from(tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "seq2seq-4x1000.toml")
    small = changed(recipe, {"trainer": {"batch_tokens": 1000, "learning_rate": 1e-4, "warmup_steps": 0}})
    trainer = Trainer(small, examples(12), examples(3), checkpoint=tmp_path / "checkpoint.pt", log=RecordingLog())
    updates = zip(range(1, UPDATES + 1), trainer.updates(Position()), strict=False)
    records = [trainer.update(update, step, done=0.0) for step, update in updates]
    losses = [float(each.negative_log_likelihood) / each.target_tokens for each in records]
    assert losses[-1] < losses[0] - 1.0
