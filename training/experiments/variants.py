"""One recipe, changed in one thing or another: each variant trained with the same budget, scored on the same set."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from model_store.decoding.in_flight import open_decoder
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from training.averaging import mean_of
from training.checkpoint import Checkpoint, averaged_weights
from training.config import Recipe
from training.evaluation import Model, OpenDecoder, evaluate, on_best_device
from training.experiments.table import Cell, Table
from training.preparation import prepare
from training.progress import ProgressLog
from training.recipe_file import changed, load_recipe
from training.run import RECIPES, Run
from training.run_folder import RunFolder
from training.trainer import Build, Trainer

CHECKPOINTS = 20  # at equal distances, of a variant that averages some
# The dropout of a short run.
SHORT: dict[str, Any] = {"network": {"dropout": 0.3}, "trainer": {"max_minutes": None, "decay": "cosine"}}
logger = logging.getLogger("verso.experiment")


@dataclass(frozen=True)
class Variant:
    """A system. changes: the recipe's tables where they differ from the experiment's common ones.

    against: the variant that its difference is to. published: that difference in a paper, in BLEU. build: makes its
    network, if it is one that does not ship. mean_of_last: so many of CHECKPOINTS checkpoints are averaged in the end.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    against: str | None = None
    published: float | None = None
    build: Build = Seq2Seq
    mean_of_last: int = 1


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
        found = scores[variant.name] = _score(run, updates / variant.name.replace(" ", "-"), variant)
        logger.info("%s: %s, %.0f s", variant.name, found, time.monotonic() - started)
        *_others, (_metric, figure) = found.items()
        other = None if variant.against is None else [*scores[variant.against].values()][-1]
        rows.append((variant.name, *found.values(), _signed(figure, other), _signed(variant.published, 0.0)))
    return Table(name, title, ("system", *found, "difference", "published"), tuple(rows))


def on_multi30k(
    name: str,
    variants: Sequence[Variant],
    data_root: Path,
    folder: Path,
    updates: int,
    *,
    base: Mapping[str, Any] = SHORT,
    beside: str = "",
) -> Table:
    """All systems on Multi30k, English to German, with as many updates each.

    data_root: the folder that the recipe multi30k-en-de finds its corpora in. folder: where runs are kept. base: what
    all change of that recipe. beside: what the title says besides. Raises ConfigError if none is warm by then.
    """
    recipe = changed(load_recipe(RECIPES / "multi30k-en-de.toml"), base)
    if updates < recipe.trainer.warmup:
        raise ConfigError(
            f"--updates: {updates} end before the learning rate is reached; allowed: {recipe.trainer.warmup} or more"
        )
    recipe = changed(recipe, {"trainer": {"max_steps": updates, "validate_every_steps": updates}})
    title = f"Multi30k, en-de, validation set: {updates} updates each{beside}"
    return compare_variants(name, title, recipe, variants, data_root, folder / name)


def _score(run: Run, folder: Path, variant: Variant) -> dict[str, float]:
    """Train to the recipe's end and score the average: figures by metric."""
    recipe, tokenizer = run.recipe, run.tokenizer()
    train, validation = run.examples(tokenizer)
    log = ProgressLog(folder / "tensorboard", every_steps=recipe.trainer.log_every_steps)
    trainer = Trainer(recipe, train, validation, checkpoint=folder / "checkpoint.pt", log=log, build=variant.build)
    average = trainer.run().average if variant.mean_of_last == 1 else _mean_of_last(trainer, variant.mean_of_last)
    test_set = run.load(recipe.data.validation[:1])[0]
    opened: OpenDecoder = partial(open_decoder, backend="auto" if variant.build is Seq2Seq else "eager")
    model = Model.of_recipe(recipe, on_best_device(average), tokenizer, opened=opened)
    moses = recipe.evaluation.moses_bleu
    return {
        metric.name: metric.value for metric in evaluate(model, test_set, "translate", with_moses_bleu=moses).metrics
    }


def _mean_of_last(trainer: Trainer, count: int) -> Seq2Seq:
    """Train to the recipe's end and average the last `count` of CHECKPOINTS (Junczys-Dowmunt et al. 2016). These are
    kept, each whole or not at all.

    The last is that of the last update, wherever a run was stopped and gone on with.

    Raises ConfigError if the run is past one that was not kept.
    """
    numbers = range(CHECKPOINTS - count, CHECKPOINTS)
    kept = [trainer.checkpoint.with_name(f"checkpoint-{number}.pt") for number in numbers]
    for number, path in zip(numbers, kept, strict=True):
        if path.exists():
            continue
        due = math.ceil(trainer.config.max_steps * (number + 1) / CHECKPOINTS)
        done = Checkpoint.load(trainer.checkpoint).position.step if trainer.checkpoint.exists() else 0
        if done > due:
            raise ConfigError(
                f"{trainer.checkpoint}: is of update {done}, past {due}, which {path.name} is of; remove it"
            )
        if done < due:
            trainer.run(max_steps=due - done)
        Checkpoint.load(trainer.checkpoint).save(path)
    network = trainer.build(trainer.recipe.network)
    network.load_state_dict(mean_of([averaged_weights(path) for path in kept]))
    return network.eval()


def _signed(figure: float | None, other: float | None) -> str:
    return "" if figure is None or other is None else f"{figure - other:+.1f}"
