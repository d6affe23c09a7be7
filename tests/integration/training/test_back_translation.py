"""Back-translated text, the whole way: added to a bundle that was trained without, and said in the new one's card."""

from __future__ import annotations

from pathlib import Path

from model_store.bundle import load_bundle
from tests.integration.training.test_options import BASE, invoke
from training.dataset import PackedPairs
from training.run import RECIPES

NUMBERS = RECIPES / "numbers"
ADDED = """
[data]
directions = ["en-ru", "ru-en"]
sources = [
    {{ name = "numbers", format = "tsv", left = "en", right = "ru", path = "{numbers}/train.en-ru.tsv", limit = 50 }},
    {{ name = "back", format = "moses", left = "en", right = "ru", path = "back", back_translated = "en" }},
    {{ name = "sentences", format = "sentencebook", left = "en", right = "ru", limit = 5 }},
    {{ name = "translated", format = "own_translations", left = "en", right = "ru", path = "sentences.tsv" }},
]
validation_pairs = 20
[trainer]
max_steps = 3
batch_tokens = 400
threads = 1
[export]
name = "added"
[export.shortlist]
"""


def test_a_bundle_that_knows_no_tag_goes_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(BASE.format(tiny=RECIPES / "tiny.toml"), encoding="utf-8")
    invoke("run", str(tmp_path / "base.toml"), "--data", str(RECIPES), "--runs", str(tmp_path / "runs"))
    start = tmp_path / "runs" / "option" / "bundles" / "option" / "1"
    for code, line in (("en", "two and {}"), ("ru", "дважды {}")):
        text = "".join(line.format(number) + "\n" for number in range(100, 140))
        (tmp_path / f"back.{code}").write_text(text, encoding="utf-8")
    (tmp_path / "sentences.tsv").write_text("We assumed so.\tWas auch immer.\n", encoding="utf-8")
    (tmp_path / "added.toml").write_text(ADDED.format(numbers=NUMBERS), encoding="utf-8")
    places = ("--data", str(tmp_path), "--runs", str(tmp_path / "runs"))
    invoke("run", str(tmp_path / "added.toml"), *places, "--from", str(start))

    assert int(PackedPairs.load(tmp_path / "runs" / "added" / "data" / "train").back_translated.sum()) == 40
    bundle = load_bundle(tmp_path / "runs" / "added" / "bundles" / "added" / "1")
    assert bundle.tokenizer.serialized == load_bundle(start).tokenizer.serialized
    assert [source.origin for source in bundle.manifest.data] == [
        "the bundle whose weights training began with",
        f"{NUMBERS}/train.en-ru.tsv",
        "back (back-translated: en written by a model)",
        "sentencebook (written for Verso by a language model)",
        "sentences.tsv (ru written for Verso by a language model)",
    ]
    card = (tmp_path / "runs" / "added" / "bundles" / "added" / "1" / "README.md").read_text(encoding="utf-8")
    assert "back (back-translated: en written by a model) |" in card
