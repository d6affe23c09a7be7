"""What keeps a small corpus from being learned by heart: a trained system goes on with one thing changed.

From random weights every such technique only slows learning down at first; what it is good for shows in a network that
has seen its corpus many times. So all variants start from the same trained one, and the loss on held-out text is what
is compared, since it says more than BLEU after so few updates.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model_store.tokenizer import Tokenizer
from training.checkpoint import Position, averaged_weights
from training.config import changed
from training.dataset import Examples, PackedPairs
from training.evaluation import TestSet
from training.experiments.table import Cell, Table
from training.progress import ProgressLog
from training.run import Run
from training.trainer import Trainer

logger = logging.getLogger("verso.experiment")

UPDATES = 400


@dataclass(frozen=True)
class Technique:
    """changes: the recipe's tables where they differ from those that all have in common."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)


TECHNIQUES = (
    Technique("as before"),
    Technique("subword sampling, alpha 0.5", {"trainer": {"subword_sampling": 0.5}}),
    Technique("subword sampling, alpha 0.3", {"trainer": {"subword_sampling": 0.3}}),
    Technique("locked dropout", {"trainer": {"locked_dropout": True}}),
    Technique("dropout 0.5", {"network": {"dropout": 0.5}}),
    Technique("word dropout 0.1", {"trainer": {"word_dropout": 0.1}}),
)
COMMON: dict[str, Any] = {"max_minutes": None, "learning_rate": 7e-4, "warmup_steps": 50, "average_decay": 0.99}


def measure(data_root: Path, runs: Path, updates: int = UPDATES) -> Table:
    """Loss of each technique on the validation set of multi30k-en-de, in nats a token without smoothing.

    data_root: the folder that the recipe finds its corpora in. runs: where the recipe was trained, which is where all
    start from.

    Raises ConfigError if it was not.
    """
    run = Run.open("multi30k-en-de", data_root, runs, None)
    tokenizer = run.tokenizer()
    train, _none = run.examples(tokenizer)
    validation = _examples(run.load(run.recipe.data.validation[:1])[0], tokenizer)
    start = averaged_weights(run.folder.checkpoint)
    common = COMMON | {"max_steps": updates, "validate_every_steps": updates, "checkpoint_every_steps": updates}
    rows: list[tuple[Cell, ...]] = []
    losses: list[float] = []
    for technique in TECHNIQUES:
        folder = runs / "techniques" / technique.name.replace(" ", "-")
        recipe = changed(changed(run.recipe, {"trainer": common}), technique.changes)
        log = _LossLog(folder / "tensorboard", every_steps=recipe.trainer.log_every_steps)
        Trainer(recipe, train, validation, checkpoint=folder / "checkpoint.pt", log=log, start=start).run()
        losses.append(log.loss)
        rows.append((technique.name, f"{losses[-1]:.4f}", f"{losses[-1] - losses[0]:+.4f}"))
    title = f"Multi30k, en-de, validation set: {updates} updates more of the trained network"
    return Table("techniques", title, ("technique", "loss", "difference"), tuple(rows))


class _LossLog(ProgressLog):
    """Keeps the last loss on the validation set."""

    loss = float("nan")

    def validation(self, figures: dict[str, float], position: Position) -> None:
        super().validation(figures, position)
        self.loss = figures["loss"]


def _examples(test_set: TestSet, tokenizer: Tokenizer) -> Examples:
    """A held-out set as the network is trained on."""
    sides = [
        tokenizer.encode(text) for pair in zip(test_set.sources, test_set.references, strict=True) for text in pair
    ]
    count = len(test_set.sources)
    pairs = PackedPairs(
        np.array([id_ for side in sides for id_ in side], np.int32),
        np.cumsum([0, *map(len, sides)]).astype(np.int64),
        np.zeros(count, np.int16),
        np.ones(count, np.int16),
        np.ones(count, np.int16),
        (test_set.source_language, test_set.target_language),
        np.zeros((count, 2), np.int8),
    )
    direction = (test_set.source_language, test_set.target_language)
    return Examples(pairs, (direction,), tokenizer, "translate")
