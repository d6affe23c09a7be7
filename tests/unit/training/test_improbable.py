"""Back-translated pairs whose genuine side the bundle to start from finds improbable are left out, and no others."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import no_grad, tensor

from model_store.bundle import load_bundle
from model_store.config import DecodingConfig, EncoderConfig
from model_store.errors import ConfigError
from tests.unit.model_store.tiny_bundle import DESCRIPTION, NETWORK, save_tiny
from tests.unit.training.prepared import texts
from tests.unit.training.tiny import sentence_pairs, write_tsv
from training.cleaning import CleaningReport
from training.preparation import prepare
from training.recipe_file import load_recipe
from training.run import Run
from training.run_folder import RunFolder

RECIPE = """
[data]
directions = ["en-ru", "ru-en"]
sources = [
    {{ name = "words", format = "tsv", left = "en", right = "ru", path = "words.tsv" }},
    {{ name = "back", format = "moses", left = "{left}", right = "{right}", path = "back", {back} }},
]
validation_pairs = 10
max_tokens = 100
[trainer]
batch_tokens = 100
[export]
name = "words"
"""
WRITTEN = sentence_pairs(60, seed=5)


def recipe_of(folder: Path, back: str, left: str = "en", right: str = "ru") -> Path:
    write_tsv(folder / "words.tsv", sentence_pairs(80, seed=6))
    for side, code in enumerate(("en", "ru")):
        (folder / f"back.{code}").write_text("".join(f"{pair[side]}\n" for pair in WRITTEN), encoding="utf-8")
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(left=left, right=right, back=back), encoding="utf-8")
    return path


def nats(bundle: Path, written: str, genuine: str, language: str) -> float:
    """A token of the genuine side, told one after the other."""
    loaded = load_bundle(bundle)
    network, tokenizer = loaded.network().eval(), loaded.tokenizer
    source = [*tokenizer.prefix_ids(language), *tokenizer.encode(written), tokenizer.eos_id]
    target = [*tokenizer.encode(genuine), tokenizer.eos_id]
    with no_grad():
        shifted = tensor([[tokenizer.bos_id, *target[:-1]]])
        readouts = network(tensor([source]), tensor([len(source)]), shifted)[0]
        log_probs = network.projection(readouts).log_softmax(dim=1)
    return -sum(float(log_probs[place, token]) for place, token in enumerate(target)) / len(target)


def prepared(path: Path, bundle: Path) -> tuple[CleaningReport, set[tuple[str, str]]]:
    folder = RunFolder(path.parent / "run")
    report = prepare(load_recipe(path, start_from=str(bundle)), path.parent, folder)
    return report, set(texts(folder.train, folder.load_tokenizer()))


@pytest.mark.parametrize("side", ["en", "ru"])
@pytest.mark.parametrize("turned", [False, True])
def test_the_bundle_to_start_from_judges(tmp_path: Path, side: str, *, turned: bool) -> None:
    bundle = tmp_path / "tiny" / "1"
    save_tiny(bundle)
    genuine, place = ("ru", 1) if side == "en" else ("en", 0)
    found = {pair: nats(bundle, pair[1 - place], pair[place], genuine) for pair in WRITTEN}
    most = float(np.median(list(found.values())))
    left, right = ("ru", "en") if turned else ("en", "ru")
    path = recipe_of(tmp_path, f'back_translated = "{side}", most_nats = {most}', left, right)
    report, learned = prepared(path, bundle)
    assert report.source("back").dropped["improbable"] == 30
    assert report.source("back").kept == 30
    probable = {pair[:: -1 if turned else 1] for pair, each in found.items() if each <= most}
    assert {pair[:: -1 if turned else 1] for pair in WRITTEN} & learned == probable


def test_without_it_all_are_kept(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny" / "1")
    report, learned = prepared(recipe_of(tmp_path, 'back_translated = "en"'), tmp_path / "tiny" / "1")
    assert report.source("back").kept == 60
    assert set(WRITTEN) <= learned


@pytest.mark.parametrize("short", [0, 60])
def test_what_has_too_many_tokens_is_not_read(tmp_path: Path, short: int) -> None:
    """The table of positions of the bundle need not hold it."""
    network = NETWORK.model_copy(update={"positions": 30, "encoder": EncoderConfig(kind="self_attention")})
    decoding = DecodingConfig(max_source_length=20)
    save_tiny(tmp_path / "tiny" / "1", replace(DESCRIPTION, network=network, decoding=decoding))
    path = recipe_of(tmp_path, 'back_translated = "en", most_nats = 99.0')
    path.write_text(path.read_text().replace("max_tokens = 100", "max_tokens = 25"))
    for code, word in (("en", "ab "), ("ru", "ба ")):
        file = tmp_path / f"back.{code}"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:short]) + word * 60 + "\n")
    report, _learned = prepared(path, tmp_path / "tiny" / "1")
    found = report.source("back")
    assert found.dropped["too_many_tokens"] >= 1
    assert found.kept + found.dropped["too_many_tokens"] == short + 1


@pytest.mark.parametrize("most_nats", [", most_nats = 99.0", ""])
def test_what_one_bundle_has_judged_is_not_learned_by_another(tmp_path: Path, most_nats: str) -> None:
    bundle, other = tmp_path / "tiny" / "1", tmp_path / "tiny" / "2"
    save_tiny(bundle)
    save_tiny(other, replace(DESCRIPTION, version="2"))
    path = recipe_of(tmp_path, f'back_translated = "en"{most_nats}')
    prepare(load_recipe(path, start_from=str(bundle)), tmp_path, RunFolder(tmp_path / "words"))
    Run.open(str(path), tmp_path, tmp_path, str(bundle)).tokenizer()
    refused = pytest.raises(ConfigError, match=r"was prepared with another start_from than the recipe has")
    with refused if most_nats else contextlib.nullcontext():
        Run.open(str(path), tmp_path, tmp_path, str(other)).tokenizer()


def test_what_nobody_can_judge_is_refused(tmp_path: Path) -> None:
    path = recipe_of(tmp_path, 'back_translated = "en", most_nats = 2.0')
    with pytest.raises(ConfigError, match=r"data\.sources: back has most_nats, .*allowed: with --from BUNDLE"):
        load_recipe(path)
    path = recipe_of(tmp_path, "most_nats = 2.0")
    with pytest.raises(ConfigError, match=r"most_nats: 2\.0 is for a source with back_translated only"):
        load_recipe(path)
    path = recipe_of(tmp_path, 'back_translated = "en", most_nats = 0')
    with pytest.raises(ConfigError, match=r"most_nats"):
        load_recipe(path)
