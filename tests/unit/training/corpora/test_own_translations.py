"""The package's own translations of sentences that free collections have."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.corpora.own_translations import WAYS, own_translations
from training.corpora.pair import BadLine, SentencePair
from training.corpora.read import read_source
from training.source_config import SourceConfig

# As the collections have them.
KNOWN = {"We assumed so.": "Мы так и предполагали.", "The pain was unbearable.": "Боль была невыносимой."}
KNOWN_RUSSIAN = {
    "Устье реки лежит на 28 метров ниже уровня моря.": "The mouth of the river lies 28 meters below sea level.",
    "С тех пор было показано шесть сезонов.": "Since then, six seasons have been shown.",
}


def source(**fields: str) -> SourceConfig:
    plain = {"name": "own", "format": "own_translations", "left": "en", "right": "ru", "path": "*.tsv"}
    return SourceConfig.model_validate({**plain, **fields})


def test_of_the_sentences_of_files_those_that_it_has_each_once(tmp_path: Path) -> None:
    (tmp_path / "en-de.tsv").write_text("".join(f"{text}\twas auch immer\n" for text in [*KNOWN, "No such sentence."]))
    (tmp_path / "en-fr.tsv").write_text("".join(f"{text}\tn'importe quoi\n" for text in reversed(KNOWN)))
    assert list(read_source(source(), tmp_path)) == [SentencePair(*each) for each in KNOWN.items()]


def test_sentences_may_be_alone(tmp_path: Path) -> None:
    (tmp_path / "web.txt").write_text("".join(f"{text}\n" for text in [*KNOWN, "No such sentence.", ""]))
    assert list(read_source(source(path="web.txt"), tmp_path)) == [SentencePair(*each) for each in KNOWN.items()]


def test_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "wiki.txt").write_text("".join(f"{text}\n" for text in [*KNOWN, *KNOWN.values(), *KNOWN_RUSSIAN]))
    found = list(read_source(source(left="ru", right="en", path="wiki.txt"), tmp_path))
    assert found == [SentencePair(*each) for each in KNOWN_RUSSIAN.items()]


def test_a_line_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    known = next(iter(KNOWN))
    (tmp_path / "en-de.tsv").write_bytes(b"gar\xe7on\tetwas\n" + f"{known}\tetwas\n".encode())
    bad, good = read_source(source(), tmp_path)
    assert bad == BadLine(f"{tmp_path}/en-de.tsv:1", "invalid_utf8")
    assert good == SentencePair(known, KNOWN[known])


def test_other_punctuation_is_another_sentence(tmp_path: Path) -> None:
    (tmp_path / "en-de.tsv").write_text("".join(f"{text[:-1]}!\tetwas\n" for text in KNOWN))
    assert list(read_source(source(), tmp_path)) == []


@pytest.mark.parametrize(("left", "right"), [("ru", "de"), ("en", "de"), ("de", "ru")])
def test_other_languages_are_refused(left: str, right: str) -> None:
    allowed = "allowed: 'en' and 'ru' or 'ru' and 'en'"
    with pytest.raises(ValidationError, match=f"left and right: '{left}' and '{right}' .*; {allowed}"):
        source(left=left, right=right)


def test_it_is_not_said_to_be_back_translated() -> None:
    with pytest.raises(ValidationError, match="back_translated: 'ru' is for a corpus, which 'own_translations' is not"):
        source(back_translated="ru")


def test_no_set_to_measure_by_is_drawn_from_it() -> None:
    assert not source().genuine
    assert source().ways == (("en", "ru"), ("ru", "en"))


@pytest.mark.parametrize(
    ("left", "right", "count", "letter"), [("en", "ru", 156_336, "[а-яё]"), ("ru", "en", 3_652, "[a-z]")]
)
def test_every_translation_is_whole_and_in_its_language(left: str, right: str, count: int, letter: str) -> None:
    book = own_translations(left, right)
    assert len(book) == count  # as docs/training.md says
    assert [key for key in book if not re.fullmatch("[0-9a-f]{16}", key)] == []
    assert list(book) == sorted(book)
    for text in book.values():
        assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text)
        assert re.search(letter, text.casefold())


@pytest.mark.parametrize("way", WAYS)
def test_no_latin_letter_stands_in_a_russian_word(way: tuple[str, str]) -> None:
    """One that looks like a Cyrillic one would be learned for good."""
    mixed = re.compile("[a-z][а-яё]|[а-яё][a-z]", re.IGNORECASE)
    assert [text for text in own_translations(*way).values() if mixed.search(text)] == []
