"""One recipe, changed in one thing or another: each variant trained with the same budget, scored on the same set."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from training.config import Recipe
from training.evaluation import Model, evaluate, on_best_device
from training.experiments.table import Cell, Table
from training.preparation import prepare
from training.progress import ProgressLog
from training.recipe_file import changed
from training.run import Run
from training.run_folder import RunFolder
from training.trainer import Trainer

logger = logging.getLogger("verso.experiment")


@dataclass(frozen=True)
class Variant:
    """A system. changes: the recipe's tables where they differ from the experiment's common ones.

    against: the variant that its difference is to. published: that difference in a paper, in BLEU.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    against: str | None = None
    published: float | None = None


def compare_variants(
    name: str, title: str, recipe: Recipe, variants: Sequence[Variant], data_root: Path, folder: Path
) -> Table:
    """Train every variant in turn and score it on the first validation set; what was trained before is not again.

    The data is prepared once, in `folder`, so a variant cannot change it, nor the vocabulary. Each number of updates
    has a folder of its own in it, since the learning rate depends on how many there will be. The averaged weights are
    scored, and differences are of the last metric.

    Raises ConfigError if a variant's changes are no recipe, or the corpora are not in `data_root`.
    """
    recipes = {each.name: changed(recipe, each.changes) for each in variants}
    shared = Run(name, recipe, data_root, RunFolder(folder))
    if not shared.folder.report.exists():
        prepare(recipe, data_root, shared.folder)
    scores: dict[str, dict[str, float]] = {}
    rows: list[tuple[Cell, ...]] = []
    for variant in variants:
        started = time.monotonic()
        run = replace(shared, recipe=recipes[variant.name])
        updates = folder / f"{run.recipe.trainer.max_steps}-updates"
        found = scores[variant.name] = _score(run, updates / variant.name.replace(" ", "-"))
        logger.info("%s: %s, %.0f s", variant.name, found, time.monotonic() - started)
        *_others, (_metric, figure) = found.items()
        other = None if variant.against is None else [*scores[variant.against].values()][-1]
        rows.append((variant.name, *found.values(), _signed(figure, other), _signed(variant.published, 0.0)))
    return Table(name, title, ("system", *found, "difference", "published"), tuple(rows))


def _score(run: Run, folder: Path) -> dict[str, float]:
    """Train to the recipe's end and score the average: figures by metric."""
    recipe, tokenizer = run.recipe, run.tokenizer()
    train, validation = run.examples(tokenizer)
    log = ProgressLog(folder / "tensorboard", every_steps=recipe.trainer.log_every_steps)
    trainer = Trainer(recipe, train, validation, checkpoint=folder / "checkpoint.pt", log=log)
    average = trainer.run().average
    test_set = run.load(recipe.data.validation[:1])[0]
    model = Model(on_best_device(average), tokenizer, recipe.decoding, recipe.data.task)
    moses = recipe.evaluation.moses_bleu
    return {
        metric.name: metric.value for metric in evaluate(model, test_set, "translate", with_moses_bleu=moses).metrics
    }


def _signed(figure: float | None, other: float | None) -> str:
    return "" if figure is None or other is None else f"{figure - other:+.1f}"
