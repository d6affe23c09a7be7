"""The mean of runs that began from one bundle: what is averaged, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model_store.bundle import load_bundle
from model_store.errors import ConfigError
from tests.unit.model_store.tiny_bundle import NETWORK, network, save_tiny, tokenizer
from training.checkpoint import Checkpoint, Position, averaged_state, averaged_weights
from training.run_folder import RunFolder
from training.soup import average_with


def run(root: Path, seed: int, hidden: int = 8) -> RunFolder:
    """A folder with a checkpoint whose average is a random network, and whose weights are others."""
    folder = RunFolder(root)
    folder.tokenizer.parent.mkdir(parents=True)
    folder.tokenizer.write_bytes(tokenizer().serialized)
    config = NETWORK.model_copy(update={"hidden": hidden})
    state = averaged_state(network(config, seed).state_dict(), torch.tensor(7))
    Checkpoint(Position(step=3), network(config, seed + 100).state_dict(), state, {}, torch.get_rng_state()).save(
        folder.checkpoint
    )
    folder.scores.write_text("[]", encoding="utf-8")
    folder.report.write_text(json.dumps({"one": {"kept": seed}, "two": {"kept": 10}}), encoding="utf-8")
    return folder


def test_it_is_the_mean_of_averages_and_bundles(tmp_path: Path) -> None:
    own, other = run(tmp_path / "own", 1), run(tmp_path / "other", 2)
    save_tiny(tmp_path / "tiny" / "1")
    before, last = averaged_weights(own.checkpoint), Checkpoint.load(own.checkpoint)
    bundle = load_bundle(tmp_path / "tiny" / "1")
    average_with(own, tokenizer(), [str(other.root), str(tmp_path / "tiny" / "1")])
    theirs, mean = averaged_weights(other.checkpoint), averaged_weights(own.checkpoint)
    assert mean.keys() == before.keys()
    for name, weight in mean.items():
        torch.testing.assert_close(weight, (before[name] + theirs[name] + bundle.weights[name]) / 3)
    network().load_state_dict(mean)
    after = Checkpoint.load(own.checkpoint)
    assert (after.position, int(after.average["n_averaged"])) == (last.position, 7)
    assert all(torch.equal(weight, last.network[name]) for name, weight in after.network.items())
    assert not own.scores.exists()
    assert [(each["name"], each["pairs"], each["origin"]) for each in after.averaged_with] == [
        ("other", 12, "another run that its weights are averaged with, as one of 3"),
        (
            "tiny@1",
            sum(each.pairs for each in bundle.manifest.data),
            "a bundle that its weights are averaged with, as one of 3",
        ),
    ]
    average_with(own, tokenizer(), [str(other.root)])
    assert [each["name"] for each in Checkpoint.load(own.checkpoint).averaged_with] == ["other", "tiny@1", "other"]


def test_its_own_may_count_several_times(tmp_path: Path) -> None:
    own, other = run(tmp_path / "own", 1), run(tmp_path / "other", 2)
    before, theirs = averaged_weights(own.checkpoint), averaged_weights(other.checkpoint)
    average_with(own, tokenizer(), [str(other.root)], 3)
    for name, weight in averaged_weights(own.checkpoint).items():
        torch.testing.assert_close(weight, 0.75 * before[name] + 0.25 * theirs[name])
    averaged_with = Checkpoint.load(own.checkpoint).averaged_with
    assert [each["origin"] for each in averaged_with] == ["another run that its weights are averaged with, as one of 4"]


def test_a_run_whose_data_is_not_known_is_refused(tmp_path: Path) -> None:
    own, other = run(tmp_path / "own", 1), run(tmp_path / "other", 2)
    other.report.unlink()
    with pytest.raises(ConfigError, match=r"report\.json: is not whole .*remove .* and prepare again"):
        average_with(own, tokenizer(), [str(other.root)])
    assert own.scores.exists()


def test_the_best_average_is_what_counts_of_each_and_the_mean_takes_its_place(tmp_path: Path) -> None:
    own, other = run(tmp_path / "own", 1), run(tmp_path / "other", 2)
    best = {}
    for folder in (own, other):
        saved = Checkpoint.load(folder.checkpoint)
        best[folder] = {name: weight + 1 for name, weight in saved.network.items()}
        replace(saved, best=best[folder], best_score=5.0).save(folder.checkpoint)
    average_with(own, tokenizer(), [str(other.root)])
    for name, weight in averaged_weights(own.checkpoint).items():
        torch.testing.assert_close(weight, (best[own][name] + best[other][name]) / 2)
    assert Checkpoint.load(own.checkpoint).best is None


def test_what_did_not_begin_where_the_run_did_is_refused(tmp_path: Path) -> None:
    own, wider = run(tmp_path / "own", 1), run(tmp_path / "wider", 2, hidden=10)
    with pytest.raises(ConfigError, match=r"--with: .*wider is of another network than the run"):
        average_with(own, tokenizer(), [str(wider.root)])
    with pytest.raises(ConfigError, match=r"--with: translate-en-ru has another tokenizer"):
        average_with(own, tokenizer(), ["translate-en-ru"])
    shutil.rmtree(own.checkpoint.parent)
    with pytest.raises(ConfigError, match=r"checkpoint\.pt does not exist; train first"):
        average_with(own, tokenizer(), [str(wider.root)])


def test_what_is_neither_a_run_nor_a_bundle_is_refused_by_option_and_value(tmp_path: Path) -> None:
    own = run(tmp_path / "own", 1)
    (tmp_path / "empty").mkdir()
    for other in (str(tmp_path / "empty"), str(tmp_path / "none"), "nothing-like-this", "No Name"):
        message = (
            rf"--with: {re.escape(repr(other))} is no run .* no bundle .*; allowed: the folder of a run, .*name\[@"
        )
        with pytest.raises(ConfigError, match=message):
            average_with(own, tokenizer(), [other])
    assert own.scores.exists()
