"""The commands in model cards run, for whoever has the bundle and not the run, and give the figures beside them."""

from __future__ import annotations

import shlex
from collections import defaultdict
from pathlib import Path

import pytest
import typer

from model_store.bundle import verify_bundle
from model_store.manifest import Manifest, Score, read_manifest
from model_store.model_card import model_card
from model_store.store import shipped_bundles
from tests.integration.training.test_evaluate import REPORT
from tests.integration.training.test_options import BASE, invoke
from training.commands import app
from training.recipe_file import load_recipe
from training.run import RECIPES
from training.scores import read_scores

SHIPPED = sorted(path.parent for path in shipped_bundles().glob("*/*/manifest.json"))


def arguments(command: str, corpora: Path) -> list[str]:
    """What follows `verso-train`, with the folder that CORPORA stands for."""
    program, *words = shlex.split(command)
    assert program == "verso-train"
    return [str(corpora) if word == "CORPORA" else word for word in words]


@pytest.mark.parametrize("step", ["run", "evaluate"])
def test_whoever_has_the_bundle_gets_the_figures_of_its_card(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, store = tmp_path / "small.toml", tmp_path / "store"
    text = BASE.format(tiny=RECIPES / "tiny.toml").replace("report = []", REPORT)
    recipe.write_text(text.replace("max_steps = 12", "max_steps = 2"), encoding="utf-8")
    places = (str(recipe), "--data", str(RECIPES), "--runs", str(tmp_path / "runs"))
    for command in ("run",) if step == "run" else ("prepare", "train", "evaluate"):
        invoke(command, *places, *(("--out", str(store)) if command == "run" else ()))
    if step == "evaluate":
        invoke("export", *places, "--out", str(store))
    scores = read_manifest(store / "option" / "1").scores
    (command,) = {score.command for score in scores}

    monkeypatch.setattr("model_store.store.shipped_bundles", lambda: store)
    elsewhere = ("--runs", str(tmp_path / "none"), "--json", str(tmp_path / "again.json"))
    invoke(*arguments(command, RECIPES), *elsewhere)
    again = read_scores(tmp_path / "again.json")
    assert len(scores) == 4
    assert [score.model_dump(exclude={"command"}) for score in again] == [
        score.model_dump(exclude={"command"}) for score in scores
    ]


def test_figures_of_another_decoding_or_storage_are_not_in_the_card_and_the_version_may_be_another(
    tmp_path: Path,
) -> None:
    text = (
        BASE.format(tiny=RECIPES / "tiny.toml")
        .replace("report = []", REPORT)
        .replace("max_steps = 12", "max_steps = 2")
    )
    first, raised, other = tmp_path / "first.toml", tmp_path / "raised.toml", tmp_path / "other.toml"
    first.write_text(text, encoding="utf-8")
    raised.write_text('extends = "first.toml"\n[export]\nversion = "2"\n', encoding="utf-8")
    other.write_text('extends = "raised.toml"\n[decoding]\nlength_penalty = 0.5\n', encoding="utf-8")
    places = ("--data", str(RECIPES), "--runs", str(tmp_path / "runs"))
    invoke("run", str(first), *places)
    for recipe, store in ((raised, "raised"), (other, "other")):
        output = invoke("export", str(recipe), *places, "--out", str(tmp_path / store))
        assert ("not in the model card: the scores of" in output) == (recipe == other)
    scores = read_manifest(tmp_path / "raised" / "option" / "2").scores
    assert len(scores) == 4
    assert all(" --bundle option@2 --only " in score.command for score in scores)
    assert read_manifest(tmp_path / "other" / "option" / "2").scores == ()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: f"{folder.parent.name}@{folder.name}")
def test_shipped_cards_name_their_bundle_or_a_server_and_sets_of_the_recipe(folder: Path, tmp_path: Path) -> None:
    manifest = verify_bundle(folder)
    assert (folder / "README.md").read_text(encoding="utf-8") == model_card(manifest)
    by_command: defaultdict[str, list[Score]] = defaultdict(list)
    for score in manifest.scores:
        by_command[score.command].append(score)
    for command, scores in by_command.items():
        check(command, scores, manifest, tmp_path)


def check(command: str, scores: list[Score], manifest: Manifest, corpora: Path) -> None:
    """Whether the command can be run, of this bundle or a server, and scores this set."""
    verb, *words = arguments(command, corpora)
    evaluate = typer.main.get_command(app).get_command(None, verb)  # type: ignore[attr-defined]
    given = evaluate.make_context(verb, words).params
    assert given["data"] == corpora
    assert (given["bundle"], given["server"]) in (
        (manifest.reference, None),
        (None, "http://127.0.0.1:5000"),
    )
    data = load_recipe(RECIPES / f"{given['recipe']}.toml", start_from=given["start_from"]).data
    known = set(data.test_set_names)
    (name,) = given["only"]
    assert name in known
    assert {score.test_set for score in scores} <= {name, f"{name}, first sentence"}
