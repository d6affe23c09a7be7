"""The package's own phrases, words and sentences."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import regex

from model_store.errors import ConfigError
from training.corpora.pair import Items, SentencePair
from training.corpora.phrasebook import read_newsbook, read_phrasebook, read_sentencebook, read_wordbook
from training.corpora.read import read_source
from training.source_config import SourceConfig

CODES = ("en", "de", "fr", "es", "ru")
BOOKS = pytest.mark.parametrize("book", [read_newsbook, read_phrasebook, read_sentencebook, read_wordbook])


def pairs(left: str, right: str, book: Callable[[str, str], Items] = read_phrasebook) -> list[SentencePair]:
    found = list(book(left, right))
    assert all(isinstance(pair, SentencePair) for pair in found)
    return [pair for pair in found if isinstance(pair, SentencePair)]


def test_any_two_of_its_languages_either_way() -> None:
    assert SentencePair("Good morning!", "Доброе утро!") in pairs("en", "ru")
    assert SentencePair("Gute Nacht!", "Bonne nuit !") in pairs("de", "fr")
    assert [(pair.right, pair.left) for pair in pairs("en", "es")] == [(p.left, p.right) for p in pairs("es", "en")]


@pytest.mark.parametrize("code", CODES[1:])
@BOOKS
def test_every_pair_is_whole_and_there_once(book: Callable[[str, str], Items], code: str) -> None:
    """A row with a cell too few or too many, or two spaces, would teach a mistake for good."""
    found = pairs("en", code, book)
    assert len(found) > 200
    assert Counter(found).most_common(1)[0][1] == 1
    for pair in found:
        for text in (pair.left, pair.right):
            assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text) != ""


def test_words_have_capitals_too_once() -> None:
    words = pairs("en", "ru", read_wordbook)
    assert words.index(SentencePair("Cat", "Кошка")) == words.index(SentencePair("cat", "кошка")) + 1
    german = pairs("de", "en", read_wordbook)
    assert german.count(SentencePair("Montag", "Monday")) == 1  # a capital in both
    assert SentencePair("Katze", "cat") in german
    assert SentencePair("Katze", "Cat") in german


@pytest.mark.parametrize("file", ["news.tsv", "phrases.tsv", "sentences.tsv", "words.tsv"])
def test_every_row_has_a_cell_for_each_language(file: str) -> None:
    rows = resources.files("training.corpora").joinpath(file).read_text(encoding="utf-8").splitlines()
    assert {len(row.split("\t")) for row in rows} == {len(CODES)}


@pytest.mark.parametrize("code", CODES)
@BOOKS
def test_texts_are_of_the_script_of_their_language(book: Callable[[str, str], Items], code: str) -> None:
    """A Latin letter that looks like a Cyrillic one, or the other way round, would be learned for good."""
    words = {word for pair in pairs(code, code, book) for word in regex.findall(r"\p{L}+", pair.left)}
    script = r"\p{Cyrillic}+" if code == "ru" else r"\p{Latin}+"
    others = {word for word in words if not regex.fullmatch(script, word)}
    if book is read_newsbook and code == "ru":  # names of firms and products stay as they are
        others = {word for word in others if not regex.fullmatch(r"\p{Latin}+", word)}
    assert others == set()


@BOOKS
def test_it_needs_no_file(book: Callable[[str, str], Items], tmp_path: Path) -> None:
    format = book.__name__.removeprefix("read_")
    source = SourceConfig.model_validate({"name": "own", "format": format, "left": "en", "right": "de"})
    assert list(read_source(source, tmp_path / "nowhere")) == pairs("en", "de", book)


@BOOKS
def test_a_language_that_it_does_not_have_is_refused_at_the_call(book: Callable[[str, str], Items]) -> None:
    with pytest.raises(ConfigError, match=r"book: has no 'it'; allowed: \['en', 'de', 'fr', 'es', 'ru'\]"):
        book("en", "it")
