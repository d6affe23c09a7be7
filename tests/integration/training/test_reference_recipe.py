"""The reference network's recipe, which wants a GPU, learns on a CPU too: as it is, but for small batches at a
rate that it has in its warm-up."""

from __future__ import annotations

from pathlib import Path

from tests.unit.training.tiny import RecordingLog, examples
from training.checkpoint import Position
from training.recipe_file import changed, load_recipe
from training.run import RECIPES
from training.trainer import Trainer

UPDATES = 6


def test_it_learns_from_a_few_updates_of_few_sentences(tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "seq2seq-4x1000.toml")
    small = changed(recipe, {"trainer": {"batch_tokens": 400, "learning_rate": 1e-4, "warmup_steps": 0}})
    trainer = Trainer(small, examples(12), examples(3), checkpoint=tmp_path / "checkpoint.pt", log=RecordingLog())
    updates = zip(range(1, UPDATES + 1), trainer.updates(Position()), strict=False)
    records = [trainer.update(update, step, done=0.0) for step, update in updates]
    losses = [float(each.negative_log_likelihood) / each.target_tokens for each in records]
    assert losses[-1] < losses[0] - 1.0
