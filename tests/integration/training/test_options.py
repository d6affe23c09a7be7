"""Every option of the network goes the whole way: a small recipe is trained, exported, loaded and decoded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from model_store.bundle import load_bundle
from training.commands import app
from training.evaluation import Model
from training.run import RECIPES

BASE = """
extends = "{tiny}"

[data]
sources = [
    {{ name = "numbers", format = "tsv", left = "en", right = "ru", path = "numbers/train.en-ru.tsv", limit = 300 }},
]
report = []
validation_pairs = 20

[tokenizer]
vocabulary = 320

[network]
layers = 2
hidden = 16
embedding = 16

[trainer]
max_steps = 12
warmup_steps = 2
batch_tokens = 400
log_every_steps = 6

[export]
name = "option"
"""

OPTIONS = {
    "rnn": '[network]\ncell = "rnn"',
    "gru": '[network]\ncell = "gru"',
    "forward": '[network.encoder]\ndirection = "forward"',
    "bidirectional": '[network.encoder]\ndirection = "bidirectional"',
    "self-attention": '[network]\npositions = 400\n[network.encoder]\nkind = "self_attention"\nheads = 2',
    "no attention": '[network]\nattention = "none"',
    "mean": '[network]\nattention = "mean"',
    "positional": '[network]\npositions = 400\nattention = "positional"',
    "dot, not normalised": '[network]\nattention = "dot_unnormalised"',
    "dot": '[network]\nattention = "dot"',
    "additive": '[network]\nattention = "additive"',
    "input feeding": "[network.decoder]\ninput_feeding = true",
    "residual": "[network]\nresidual = true",
    "untied": "[network]\ntied_embeddings = false",
    "embedding narrower than hidden": "[network]\nembedding = 12",
    "no dropout": "[network]\ndropout = 0.0",
    "bf16": '[trainer]\nprecision = "bf16-mixed"',
    "inverse square root": '[trainer]\ndecay = "inverse_sqrt"',
    "float16 bundle": '[export]\nstorage = "float16"',
    "int8 bundle": '[export]\nstorage = "int8"',
}


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the base recipe and its prepared data, which no option of the network changes."""
    folder = tmp_path_factory.mktemp("options")
    (folder / "base.toml").write_text(BASE.format(tiny=RECIPES / "tiny.toml"), encoding="utf-8")
    invoke("prepare", str(folder / "base.toml"), "--data", str(RECIPES), "--runs", str(folder / "runs"))
    return folder


@pytest.mark.parametrize("option", OPTIONS)
def test_trained_exported_and_decoded(option: str, prepared: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(prepared / "runs", runs)
    base = tmp_path / "base.toml"
    shutil.copy(prepared / "base.toml", base)
    recipe = tmp_path / "option.toml"
    recipe.write_text(f'extends = "base.toml"\n{OPTIONS[option]}\n', encoding="utf-8")
    for command in ("train", "export"):
        invoke(command, str(recipe), "--data", str(RECIPES), "--runs", str(runs))
    bundle = load_bundle(runs / "option" / "bundles" / "option" / "1")
    model = Model.of_bundle(bundle)
    texts = ["forty-two", "nine thousand and one", "a word it has never seen"]
    decoded = model.decode(texts, "en", "ru")
    assert len(decoded.outputs) == len(texts)
    assert decoded == model.decode(texts, "en", "ru")


@pytest.mark.parametrize(("minutes", "told"), [("1e-9", True), ("1e9", False)])
def test_a_training_that_ends_while_it_warms_up_says_so(
    minutes: str, told: bool, prepared: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(prepared / "runs", runs)
    recipe = prepared / "short.toml"
    recipe.write_text(f'extends = "base.toml"\n[trainer]\nmax_minutes = {minutes}\n', encoding="utf-8")
    output = invoke("train", str(recipe), "--data", str(RECIPES), "--runs", str(runs))
    ended = "trainer.warmup_steps: 2, but the training ended with update 1, so learning_rate was never reached"
    assert (ended in output) is told
