"""The sets that a run is chosen by: what training scores, and what `evaluate` has of them."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from tests.integration.training.test_options import BASE, invoke
from training.run import RECIPES, Run

SETS = """
validation = [{{ name = "dev", left = "en", right = "ru", path = "numbers/test.en-ru.tsv", limit = 6 }}]
report = [{{ name = "test", left = "en", right = "ru", path = "numbers/test.en-ru.tsv", limit = 4 }}]
held_out = {{ pairs = 8, validation = {validation} }}"""
SCORED = re.compile(r"BLEU/(\S+) (\S+) ")


def recipe(folder: Path, validation: str) -> Path:
    """A recipe whose split-off set is to choose by or not."""
    text = BASE.format(tiny=RECIPES / "tiny.toml")
    text = text.replace("\nreport = []", SETS.format(validation=validation))
    path = folder / f"{validation}.toml"
    path.write_text(text.replace("[trainer]", "[trainer]\nvalidation_sentences = 3"), encoding="utf-8")
    return path


def places(folder: Path) -> tuple[str, ...]:
    return "--data", str(RECIPES), "--runs", str(folder / "runs")


def segments(table: str) -> dict[tuple[str, str], int]:
    """Of each set and direction."""
    rows = (line.split() for line in table.splitlines()[1:])
    return {(row[0], row[1]): int(row[2]) for row in rows if row[1:2] in (["en-ru"], ["ru-en"])}


def both_ways(**counts: int) -> dict[tuple[str, str], int]:
    return {(name.replace("_", "-"), way): count for name, count in counts.items() for way in ("en-ru", "ru-en")}


def test_sets_to_choose_by_are_whole_for_evaluate_and_few_sentences_of_each_while_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = recipe(tmp_path, "true")
    invoke("prepare", str(path), *places(tmp_path))
    with caplog.at_level(logging.INFO, logger="verso.train"):
        invoke("train", str(path), *places(tmp_path), "--max-steps", "1")
    assert {(name, way) for name, way in SCORED.findall(caplog.text)} == {*both_ways(dev=3, held_out=3)}
    evaluate = ("evaluate", str(path), *places(tmp_path))
    assert segments(invoke(*evaluate, "--only", "validation")) == both_ways(dev=6, held_out=8)
    assert segments(invoke(*evaluate, "--only", "report")) == both_ways(test=4)
    assert segments(invoke(*evaluate, "--only", "report", "--only", "dev")) == both_ways(test=4, dev=6)
    assert segments(invoke(*evaluate)) == both_ways(dev=6, held_out=8, test=4)


def test_a_split_off_set_that_is_only_reported_is_not_scored_while_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And it is chosen by or not without preparing anew."""
    invoke("prepare", str(recipe(tmp_path, "true")), *places(tmp_path))
    path = recipe(tmp_path, "false")
    with caplog.at_level(logging.INFO, logger="verso.train"):
        invoke("train", str(path), *places(tmp_path), "--max-steps", "1")
    assert {name for name, _way in SCORED.findall(caplog.text)} == {"dev"}
    assert segments(invoke("evaluate", str(path), *places(tmp_path), "--only", "report")) == both_ways(
        test=4, held_out=8
    )


def test_a_recipe_without_sets_to_choose_by_has_none_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    path.write_text(BASE.format(tiny=RECIPES / "tiny.toml"), encoding="utf-8")
    run = Run.open(str(path), RECIPES, tmp_path / "runs", None)
    assert run.validation_sets() == []
    with pytest.raises(ConfigError, match="the recipe has no held-out set 'validation'"):
        run.test_sets(("validation",))
