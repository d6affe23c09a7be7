"""The package's own phrases and words are learned whole, but for lines of sets that are only reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from tests.unit.training.prepared import PAIRS, texts
from tests.unit.training.tiny import recipe, write_tsv
from training.corpora.pair import SentencePair
from training.corpora.phrasebook import read_phrasebook, read_wordbook
from training.dataset import PackedPairs
from training.preparation import prepare
from training.prepared_options import what_it_depends_on
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


def test_no_part_of_them_gives_way_to_a_stand_in(corpus: Path) -> None:
    """ "hotel" is the same in both languages, and a name in Latin letters to whom knows no better."""
    _report, train, _validation, _repeats = learned(corpus, stand_ins=0.99, report=())
    assert set(train) >= BOTH


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
    held_out = ({"pairs": 2, "sources": ["few"], "validation": to_choose_by},)
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
    write_tsv(corpus / "there.tsv", [(f"{word} walrus", f"{word} morsa") for word in ("Ann", "Bob", "Kim")])
    write_tsv(corpus / "back.tsv", [(f"{word} morsa", f"{word} walrus") for word in ("Tom", "Liz", "Max")])
    write_tsv(corpus / "reported.tsv", [("Penguin!", "¡Pingüino!")])
    more = [(f"{word} penguin", f"{word} pingüino") for word in ("Ann", "Bob", "Kim", "Tom", "Liz")]
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
    limited = {**learn, "limit": 1}
    report, _train, _validation, repeats = learned(corpus, sources=(limited, *OWN, *others), report=())
    assert report["learned"] == {"read": 4, "kept": 1, "dropped": {"over_limit": 3}}
    assert repeats.count(3) == 1


def test_word_pairs_are_neither_what_a_model_wrote_nor_in_the_wordbook_nor_drawn_to_report(corpus: Path) -> None:
    write_tsv(corpus / "written.tsv", [(f"{word} walrus", f"{word} morsa") for word in "abcdef"])
    helado = [(f"{word} ice", f"{word} helado") for word in "abcdef"]  # of "ice cream" in the wordbook
    seals = [(f"{word} seal", f"{word} foca") for word in "abcdef"]
    write_tsv(
        corpus / "words.tsv", [*PAIRS, *helado, *seals, *((f"{word} otter", f"{word} nutria") for word in "abcdef")]
    )
    write_tsv(corpus / "few.tsv", [("Otter!", "¡Nutria!")])
    corpora = [
        {"name": name, "format": "tsv", "left": "en", "right": "es", "path": f"{name}.tsv"}
        for name in ("words", "written", "few")
    ]
    corpora[1]["back_translated"] = "en"
    learn = {"name": "learned", "format": "word_pairs", "left": "en", "right": "es", "repeat": 3}
    held_out = ({"pairs": 1, "sources": ["few"]},)
    _report, train, _validation, repeats = learned(
        corpus, sources=(*corpora, learn, *OWN), held_out=held_out, report=(), validation_pairs=15
    )
    found = {pair for pair, times in zip(train, repeats, strict=True) if times == 3}
    assert found == {("seal", "foca"), ("Seal", "Foca")}


def test_whether_sets_are_reported_is_part_of_what_prepared_data_follows_from_where_it_matters() -> None:
    words = {"name": "words", "format": "tsv", "left": "en", "right": "es", "path": "words.tsv"}
    kept = [
        [
            what_it_depends_on(
                recipe(
                    sources=sources,
                    directions=("en-es",),
                    held_out=({"pairs": 1, "sources": ["words"], "validation": to_choose_by},),
                )
            )
            for to_choose_by in (True, False)
        ]
        for sources in ((words,), (words, *OWN))
    ]
    assert kept[0][0] == kept[0][1]
    assert kept[1][0] != kept[1][1]


@pytest.mark.parametrize(
    ("sources", "held_out", "message"),
    [
        (
            (*OWN, {"name": "translated", "format": "own_translations", "left": "en", "right": "ru", "path": "*.tsv"}),
            [{"pairs": 1, "sources": ["translated"]}],
            "held_out.sources: 'translated' is the package's own",
        ),
        (OWN, [{"pairs": 1, "sources": ["wordbook"]}], "held_out.sources: 'wordbook' is the package's own"),
        ([{**OWN[0], "name": "learned", "format": "word_pairs"}, *OWN], [], "'learned' is learned from the others"),
    ],
)
def test_what_needs_a_corpus_is_refused_without_one(
    sources: list[dict[str, Any]], held_out: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        recipe(sources=sources, directions=("en-es",), held_out=held_out)


def test_a_pair_of_languages_that_has_only_the_packages_own_is_not_drawn_from(corpus: Path) -> None:
    german = {**OWN[1], "name": "german", "right": "de"}
    words = {"name": "words", "format": "tsv", "left": "en", "right": "es", "path": "words.tsv"}
    directions = ("en-es", "en-de")
    held_out = ({"pairs": 5},)
    report, _train, _validation, _repeats = learned(
        corpus, sources=(words, german), directions=directions, held_out=held_out, report=(), validation_pairs=15
    )
    assert report["german"]["dropped"] == {}
