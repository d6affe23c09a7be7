"""prepare, train, evaluate, export: what each leaves behind, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from model_store.bundle import load_bundle
from model_store.errors import BundleError, ConfigError
from tests.integration.training.test_options import BASE, invoke
from training.commands import app
from training.run import RECIPES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a small recipe with a report set."""
    folder = tmp_path_factory.mktemp("path")
    text = BASE.format(tiny=RECIPES / "tiny.toml").replace(
        "report = []", 'report = [{ name = "held out", left = "en", right = "ru", path = "numbers/test.en-ru.tsv" }]'
    )
    (folder / "small.toml").write_text(text, encoding="utf-8")
    output = invoke("run", str(folder / "small.toml"), "--data", str(RECIPES), "--runs", str(folder / "runs"))
    assert "exported" in output
    return folder


def test_scores_of_both_directions_are_in_the_bundle(run: Path) -> None:
    bundle = load_bundle(run / "runs" / "option" / "bundles" / "option" / "1")
    scored = {(score.test_set, score.direction, score.metric) for score in bundle.manifest.scores}
    assert scored == {
        ("held out", direction, metric) for direction in ("en-ru", "ru-en") for metric in ("BLEU", "chrF2")
    }
    assert all(score.command.startswith("verso-train evaluate") for score in bundle.manifest.scores)


def test_the_bundle_says_what_it_was_trained_on(run: Path) -> None:
    (source,) = load_bundle(run / "runs" / "option" / "bundles" / "option" / "1").manifest.data
    report = json.loads((run / "runs" / "option" / "data" / "report.json").read_text(encoding="utf-8"))
    assert (source.name, source.pairs) == ("numbers", report["numbers"]["kept"])


def test_the_bundle_of_an_averaged_run_says_what_the_others_were_trained_on(run: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(run / "runs", runs)
    bundle = runs / "option" / "bundles" / "option" / "1"
    shared = (str(run / "small.toml"), "--runs", str(runs))
    averaged = invoke("average", *shared, "--with", str(bundle), "--with", str(run / "runs" / "option"), "--own", "2")
    assert averaged.endswith("the mean of 4\n")
    invoke("export", *shared, "--data", str(RECIPES), "--out", str(tmp_path / "store"))
    (own,) = load_bundle(bundle).manifest.data
    found = load_bundle(tmp_path / "store" / "option" / "1").manifest.data
    assert [(each.name, each.pairs) for each in found] == [
        ("numbers", own.pairs),
        ("option@1", own.pairs),
        ("option", own.pairs),
    ]


def test_scoring_the_bundle_gives_what_scoring_the_run_gave(run: Path) -> None:
    arguments = ("evaluate", str(run / "small.toml"), "--data", str(RECIPES), "--runs", str(run / "runs"))
    of_run = invoke(*arguments)
    of_bundle = invoke(*arguments, "--bundle", str(run / "runs" / "option" / "bundles" / "option" / "1"))

    def without_seconds(table: str) -> list[str]:
        return [line.rsplit(maxsplit=1)[0] for line in table.splitlines()]

    assert without_seconds(of_run) == without_seconds(of_bundle)


def test_a_bundle_is_immutable(run: Path) -> None:
    result = CliRunner().invoke(
        app, ["export", str(run / "small.toml"), "--data", str(RECIPES), "--runs", str(run / "runs")]
    )
    assert isinstance(result.exception, BundleError)


def test_scores_that_are_none_are_told_by_their_file(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "runs", tmp_path / "runs")
    (tmp_path / "runs" / "option" / "scores.json").write_text("{", encoding="utf-8")
    places = ("--data", str(RECIPES), "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "store"))
    result = CliRunner().invoke(app, ["export", str(run / "small.toml"), *places])
    assert isinstance(result.exception, ConfigError)
    assert "scores.json: is no file of figures" in str(result.exception)
    assert not (tmp_path / "store").exists()


def test_training_before_preparing_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "tiny", "--runs", str(tmp_path)])
    assert isinstance(result.exception, ConfigError)
    assert "prepare" in str(result.exception)


def test_running_a_finished_recipe_again_does_nothing(run: Path) -> None:
    arguments = ("run", str(run / "small.toml"), "--data", str(RECIPES), "--runs", str(run / "runs"))
    checkpoint = run / "runs" / "option" / "checkpoint.pt"
    before = checkpoint.stat().st_mtime_ns
    assert "is there already" in invoke(*arguments)
    assert checkpoint.stat().st_mtime_ns == before


def test_what_was_prepared_for_another_vocabulary_is_not_trained_on(run: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "other.toml"
    recipe.write_text(f'extends = "{run / "small.toml"}"\n[tokenizer]\nvocabulary = 310\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["train", str(recipe), "--data", str(RECIPES), "--runs", str(run / "runs")])
    assert isinstance(result.exception, ConfigError)
    assert "tokenizer.vocabulary" in str(result.exception)


def test_what_was_prepared_before_there_was_an_option_is_as_if_it_were_off(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "option"
    shutil.copytree(run / "runs" / "option" / "data", folder / "data")
    prepared = json.loads((folder / "data" / "prepared.json").read_text(encoding="utf-8"))
    assert prepared.pop("tokenizer.lower_case") is False
    (folder / "data" / "prepared.json").write_text(json.dumps(prepared), encoding="utf-8")
    arguments = ("--data", str(RECIPES), "--runs", str(tmp_path / "runs"), "--max-steps", "1")
    invoke("train", str(run / "small.toml"), *arguments)
    lower = tmp_path / "lower.toml"
    lower.write_text(f'extends = "{run / "small.toml"}"\n[tokenizer]\nlower_case = true\n', encoding="utf-8")
    result = CliRunner().invoke(app, ["train", str(lower), *arguments])
    assert "tokenizer.lower_case" in str(result.exception)


def test_bleu_as_papers_give_it_is_measured_if_asked_for(run: Path, tmp_path: Path) -> None:
    recipe, figures = tmp_path / "moses.toml", tmp_path / "figures.json"
    recipe.write_text(f'extends = "{run / "small.toml"}"\n[evaluation]\nmoses_bleu = true\n', encoding="utf-8")
    invoke(
        "evaluate", str(recipe), "--data", str(RECIPES), "--runs", str(run / "runs"), "--bundle",
        str(run / "runs" / "option" / "bundles" / "option" / "1"), "--json", str(figures),
    )  # fmt: skip
    (evaluations,) = json.loads(figures.read_text(encoding="utf-8")).values()
    assert [metric["name"] for metric in evaluations[0]["metrics"]] == ["BLEU", "chrF2", "BLEU, Moses, lower case"]
