"""Comparing variants of a recipe, on the corpus of numerals; the increments of Luong et al. are what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from model_store.errors import ConfigError
from training.checkpoint import Checkpoint
from training.config import Recipe
from training.evaluation import Model, evaluate
from training.experiments import recipe_options, techniques
from training.experiments.catalogue import Experiment, measure
from training.experiments.luong_increments import BASE, VARIANTS
from training.experiments.networks import layer_normalised, routed
from training.experiments.table import Table
from training.experiments.variants import CHECKPOINTS, Variant, compare_variants
from training.progress import StepRecord
from training.recipe_file import changed, load_recipe
from training.run import RECIPES
from training.trainer import Build, Trainer, Update


def small() -> Recipe:
    tiny = load_recipe(RECIPES / "tiny.toml")
    held_out = tiny.data.report[0].model_dump() | {"limit": 5}
    return changed(
        tiny,
        {
            "data": {"validation": [held_out], "report": []},
            "network": {"hidden": 8, "embedding": 8},
            "trainer": {"max_steps": 2, "warmup_steps": 2, "validate_every_steps": 2},
            "evaluation": {"moses_bleu": True},
        },
    )


def test_each_variant_is_trained_and_scored_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = (Variant("plain"), Variant("+ gru", {"network": {"cell": "gru"}}, "plain", 1.25))
    table = compare_variants("cells", "Cells", small(), variants, RECIPES, tmp_path)
    assert table.columns == ("system", "BLEU", "chrF2", "BLEU, Moses, lower case", "difference", "published")
    first, second = table.rows
    assert (first[0], first[4:]) == ("plain", ("", ""))
    assert second[0] == "+ gru"
    assert second[5] == "+1.2"
    assert float(second[4]) == pytest.approx(float(second[3]) - float(first[3]), abs=0.051)
    monkeypatch.setattr("training.trainer.Trainer.update", lambda *_arguments: pytest.fail("trained again"))
    assert compare_variants("cells", "Cells", small(), variants, RECIPES, tmp_path) == table


def test_another_number_of_updates_is_another_run(tmp_path: Path) -> None:
    for updates in (6, 2):
        recipe = changed(small(), {"trainer": {"max_steps": updates}})
        compare_variants("cells", "Cells", recipe, (Variant("plain"),), RECIPES, tmp_path)
    steps = {Checkpoint.load(path).position.step for path in tmp_path.rglob("checkpoint.pt")}
    assert steps == {2, 6}


def test_a_wrong_change_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    variants = (Variant("plain"), Variant("wrong", {"network": {"cell": "transistor"}}))
    with pytest.raises(ConfigError, match=r"network\.cell"):
        compare_variants("cells", "Cells", small(), variants, RECIPES, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_are_averaged_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants = (Variant("mean", {"trainer": {"average_decay": 0.0}}, mean_of_last=3),)
    recipe = changed(small(), {"trainer": {"max_steps": CHECKPOINTS, "validate_every_steps": CHECKPOINTS}})
    averages = []

    def scored(model: Model, *arguments: Any, **options: Any) -> Any:
        averages.append(model.network.state_dict())
        return evaluate(model, *arguments, **options)

    monkeypatch.setattr("training.experiments.variants.evaluate", scored)
    table = compare_variants("mean", "Mean", recipe, variants, RECIPES, tmp_path)
    kept = [Checkpoint.load(each) for each in tmp_path.rglob("checkpoint-*.pt")]
    assert sorted(each.position.step for each in kept) == [CHECKPOINTS - 2, CHECKPOINTS - 1, CHECKPOINTS]
    for name, weight in averages[0].items():
        torch.testing.assert_close(weight, sum(each.network[name] for each in kept) / 3)
    monkeypatch.setattr("training.trainer.Trainer.update", lambda *_arguments: pytest.fail("trained again"))
    assert compare_variants("mean", "Mean", recipe, variants, RECIPES, tmp_path) == table


@pytest.mark.parametrize("updates", [CHECKPOINTS // 2, CHECKPOINTS * 5 // 2])
def test_checkpoints_reach_the_last_update_also_after_a_stop(
    updates: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = (Variant("mean", mean_of_last=3),)
    recipe = changed(small(), {"trainer": {"max_steps": updates, "checkpoint_every_steps": 1}})

    def stopped(trainer: Trainer, update: Update, step: int, done: float) -> StepRecord:
        if step == updates - 1:
            raise InterruptedError
        return learn(trainer, update, step, done)

    learn = Trainer.update
    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "update", stopped)
        with pytest.raises(InterruptedError):
            compare_variants("mean", "Mean", recipe, variants, RECIPES, tmp_path)
    compare_variants("mean", "Mean", recipe, variants, RECIPES, tmp_path)
    steps = [Checkpoint.load(each).position.step for each in tmp_path.rglob("checkpoint-*.pt")]
    assert sorted(steps) == [-(-updates * number // CHECKPOINTS) for number in range(CHECKPOINTS - 2, CHECKPOINTS + 1)]


def test_no_later_checkpoint_takes_the_place_of_one_that_was_not_kept(tmp_path: Path) -> None:
    recipe = changed(small(), {"trainer": {"max_steps": CHECKPOINTS}})
    compare_variants("mean", "Mean", recipe, (Variant("mean", mean_of_last=2),), RECIPES, tmp_path)
    with pytest.raises(ConfigError, match=r"is of update 20, past 18, which checkpoint-17\.pt is of; remove it"):
        compare_variants("mean", "Mean", recipe, (Variant("mean", mean_of_last=3),), RECIPES, tmp_path)


@pytest.mark.parametrize("build", [layer_normalised, routed])
def test_a_network_that_does_not_ship_is_trained_and_decoded(build: Build, tmp_path: Path) -> None:
    recipe = changed(small(), {"network": {"layers": 2}})
    variants = (Variant("plain"), Variant("other", against="plain", build=build))
    table = compare_variants("networks", "Networks", recipe, variants, RECIPES, tmp_path)
    plain, other = (Checkpoint.load(each) for each in sorted(tmp_path.rglob("checkpoint.pt"), key=str, reverse=True))
    assert len(table.rows) == 2
    assert {name: each.shape for name, each in plain.network.items()} != {
        name: each.shape for name, each in other.network.items()
    }


@pytest.mark.parametrize(
    ("variants", "variant"),
    [(each, one) for each in (recipe_options.VARIANTS, techniques.VARIANTS) for one in each if one.against],
    ids=lambda each: each.name if isinstance(each, Variant) else "",
)
def test_each_option_is_one_change(variants: tuple[Variant, ...], variant: Variant) -> None:
    recipe = load_recipe(RECIPES / "multi30k-en-de.toml")
    base = next(each for each in variants if each.name == variant.against)
    here, there = (changed(recipe, each.changes) for each in (variant, base))
    other = [name for name in ("build", "mean_of_last") if getattr(variant, name) != getattr(base, name)]
    options = [
        field
        for table in ("network", "trainer")
        for field, value in getattr(here, table).model_dump().items()
        if value != getattr(there, table).model_dump()[field]
    ]
    assert len(options + other) == 1 or set(options + other) == {"layers", "residual"}


@pytest.mark.parametrize("name", ["luong-increments", "recipe-options", "techniques"])
def test_fewer_updates_than_warm_up_are_refused_by_their_option(name: Experiment, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"--updates: 199 end before the learning rate is reached; allowed: 200 or more"
    ):
        measure(name, tmp_path, tmp_path, 199)


def test_each_system_of_luong_differs_from_the_one_before_in_one_thing() -> None:
    base = changed(load_recipe(RECIPES / "multi30k-en-de.toml"), BASE)
    systems = [changed(base, each.changes).network for each in VARIANTS]
    assert [each.against for each in VARIANTS[1:]] == [each.name for each in VARIANTS[:-1]]
    found = [(each.encoder.direction, each.dropout, each.attention, each.decoder.input_feeding) for each in systems]
    assert found == [
        ("forward", 0.0, "none", False),
        ("reversed", 0.0, "none", False),
        ("reversed", 0.2, "none", False),
        ("reversed", 0.2, "general", False),
        ("reversed", 0.2, "general", True),
    ]


def test_a_table_is_written_as_numbers_and_as_markdown(tmp_path: Path) -> None:
    table = Table("cells", "Cells of one size", ("system", "BLEU"), (("lstm", 12.345), ("gru", 11)))
    numbers, page = table.save(tmp_path / "new")
    assert json.loads(numbers.read_text(encoding="utf-8"))["rows"] == [["lstm", 12.345], ["gru", 11]]
    assert page.read_text(encoding="utf-8") == (
        "Cells of one size\n\n| system | BLEU |\n| --- | --- |\n| lstm | 12.3 |\n| gru | 11 |\n"
    )
