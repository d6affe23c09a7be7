"""The package's own phrases and words are learned whole, but for lines of sets that are only reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from tests.unit.training.prepared import PAIRS, texts
from tests.unit.training.tiny import recipe, write_tsv
from training.corpora.pair import SentencePair
from training.corpora.phrasebook import read_phrasebook, read_wordbook
from training.dataset import PackedPairs
from training.preparation import prepare
from training.recipe_file import changed
from training.run_folder import RunFolder

Texts = list[tuple[str, str]]

OWN = [{"name": name, "format": name, "left": "en", "right": "es"} for name in ("phrasebook", "wordbook")]
BOTH = {
    (pair.left, pair.right)
    for book in (read_phrasebook, read_wordbook)
    for pair in book("en", "es")
    if isinstance(pair, SentencePair)
}


@pytest.fixture(name="corpus")
def corpus_fixture(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    # What the package's own have as well, in another case.
    write_tsv(folder / "words.tsv", [*PAIRS, ("HELLO!", "hola"), ("Yes!", "¡Sí!"), ("Why not?", "¿Por qué no?")])
    write_tsv(folder / "chosen_by.tsv", [("Yes.", "Sí."), ("Thank you.", "Gracias.")])
    write_tsv(folder / "reported.tsv", [("Why not", "¿por qué no?"), ("So?", "Lunes")])
    return folder


def learned(corpus: Path, **data: Any) -> tuple[dict[str, Any], Texts, Texts, list[int]]:
    """The report, the pairs to train and to validate on, and how often an epoch has each of the first."""
    sets = {
        name: {"name": name, "left": "en", "right": "es", "path": f"{name}.tsv"} for name in ("chosen_by", "reported")
    }
    fields: dict[str, Any] = {
        "directions": ("en-es", "es-en"),
        "sources": (*OWN, {"name": "words", "format": "tsv", "left": "en", "right": "es", "path": "words.tsv"}),
        "validation": (sets["chosen_by"],),
        "report": (sets["reported"],),
        "validation_pairs": len(PAIRS),
        **data,
    }
    folder = RunFolder(corpus.parent / "run")
    # A vocabulary that holds every character of both languages.
    report = prepare(
        changed(recipe(**fields), {name: {"vocabulary": 400} for name in ("tokenizer", "network")}), corpus, folder
    )
    tokenizer = Tokenizer.load(folder.tokenizer)
    repeats = PackedPairs.load(folder.train).repeats.tolist()
    return report.as_dict(), texts(folder.train, tokenizer), texts(folder.validation, tokenizer), repeats


def test_all_but_reported_lines_are_learned_as_they_stand(corpus: Path) -> None:
    report, train, validation, _repeats = learned(corpus)
    reported = {pair for pair in BOTH if pair[0] == "Why not?" or pair[1].casefold() == "lunes"}
    assert set(train) >= BOTH - reported
    assert not set(train) & reported
    assert set(train) >= {("Yes", "Sí"), ("yes", "sí"), ("Hello", "Hola"), ("Hello!", "¡Hola!"), ("No", "No")}
    assert len(reported) == 3
    assert report["phrasebook"]["dropped"] == {"held_out": 2}
    assert report["wordbook"]["dropped"] == {"held_out": 2}
    assert len(validation) == len(PAIRS)


def test_they_neither_stand_for_others_nor_are_validated_on(corpus: Path) -> None:
    """ "HELLO!" is learned too, and what is drawn to validate on is what a corpus has."""
    report, train, validation, _repeats = learned(corpus)
    assert report["words"]["dropped"] == {"held_out": 2}
    assert ("HELLO!", "hola") in {*train, *validation}
    assert not set(validation) & BOTH
    with pytest.raises(
        ConfigError, match=r"data.validation_pairs: 122, but .* nor the package's own, of which 121 are"
    ):
        learned(corpus, validation_pairs=122)


@pytest.mark.parametrize("to_choose_by", [True, False])
def test_of_sets_that_are_drawn_only_reported_ones_take_something_from_them(corpus: Path, to_choose_by: bool) -> None:
    write_tsv(corpus / "few.tsv", [("Goodbye!", "¡Adiós!"), ("monday", "lunes")])
    words, few = (
        {"name": name, "format": "tsv", "left": "en", "right": "es", "path": f"{name}.tsv"} for name in ("words", "few")
    )
    held_out = {"pairs": 2, "sources": ["few"], "validation": to_choose_by}
    report, train, _validation, _repeats = learned(
        corpus, sources=(*OWN, words, few), held_out=held_out, report=(), validation_pairs=15
    )
    assert (("Monday", "lunes") in train) == to_choose_by
    assert (("Goodbye!", "¡Adiós!") in train) == to_choose_by
    # Bye! too, which is "¡Adiós!"; and of words goodbye, bye and Monday, the first two with a capital as well.
    dropped = [{}, {}] if to_choose_by else [{"held_out": 3}, {"held_out": 6}]
    assert [report[book]["dropped"] for book in ("phrasebook", "wordbook")] == dropped


def test_an_epoch_has_them_as_often_as_the_recipe_says(corpus: Path) -> None:
    sources = (
        {**OWN[1], "repeat": 7},
        {"name": "words", "format": "tsv", "left": "en", "right": "es", "path": "words.tsv"},
    )
    _report, _train, _validation, repeats = learned(corpus, sources=sources, report=(), validation_pairs=15)
    assert repeats.count(7) == len(list(read_wordbook("en", "es")))


def test_word_pairs_are_learned_from_the_other_sources_of_their_languages(corpus: Path) -> None:
    """From either way round, not from the package's own, and neither reported lines nor to validate on."""
    write_tsv(corpus / "there.tsv", [(f"walrus {word}", f"morsa {word}") for word in ("Ann", "Bob", "Kim")])
    write_tsv(corpus / "back.tsv", [(f"morsa {word}", f"walrus {word}") for word in ("Tom", "Liz", "Max")])
    write_tsv(corpus / "reported.tsv", [("Penguin!", "¡Pingüino!")])
    more = [(f"penguin {word}", f"pingüino {word}") for word in ("Ann", "Bob", "Kim", "Tom", "Liz")]
    write_tsv(corpus / "words.tsv", [*PAIRS, *more])
    names = {"there": ("en", "es"), "back": ("es", "en"), "words": ("en", "es")}
    others = [
        {"name": name, "format": "tsv", "left": left, "right": right, "path": f"{name}.tsv"}
        for name, (left, right) in names.items()
    ]
    learn = {"name": "learned", "format": "word_pairs", "left": "en", "right": "es", "repeat": 3}
    report, train, _validation, repeats = learned(corpus, sources=(learn, *OWN, *others), validation_pairs=len(PAIRS))
    found = {pair for pair, times in zip(train, repeats, strict=True) if times == 3}
    assert found == {("walrus", "morsa"), ("Walrus", "Morsa")}
    assert report["learned"] == {"read": 4, "kept": 2, "dropped": {"held_out": 2}}
