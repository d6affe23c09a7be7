"""The package's own translations of sentences that a free collection has."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.corpora.own_translations import own_translations
from training.corpora.pair import BadLine, SentencePair
from training.corpora.read import read_source
from training.source_config import SourceConfig

# As the collection has them.
KNOWN = {"We assumed so.": "Мы так и предполагали.", "The pain was unbearable.": "Боль была невыносимой."}


def source(**fields: str) -> SourceConfig:
    plain = {"name": "own", "format": "own_translations", "left": "en", "right": "ru", "path": "*.tsv"}
    return SourceConfig.model_validate({**plain, **fields})


def test_of_the_sentences_of_files_those_that_it_has_each_once(tmp_path: Path) -> None:
    (tmp_path / "en-de.tsv").write_text("".join(f"{text}\twas auch immer\n" for text in [*KNOWN, "No such sentence."]))
    (tmp_path / "en-fr.tsv").write_text("".join(f"{text}\tn'importe quoi\n" for text in reversed(KNOWN)))
    assert list(read_source(source(), tmp_path)) == [SentencePair(*each) for each in KNOWN.items()]


def test_a_line_that_is_no_pair_is_told(tmp_path: Path) -> None:
    (tmp_path / "en-de.tsv").write_text(f"alone\n{next(iter(KNOWN))}\tetwas\n")
    bad, good = read_source(source(), tmp_path)
    assert bad == BadLine(f"{tmp_path}/en-de.tsv:1", "not_two_columns")
    assert good == SentencePair(*next(iter(KNOWN.items())))


def test_other_punctuation_is_another_sentence(tmp_path: Path) -> None:
    (tmp_path / "en-de.tsv").write_text("".join(f"{text[:-1]}!\tetwas\n" for text in KNOWN))
    assert list(read_source(source(), tmp_path)) == []


@pytest.mark.parametrize(("left", "right"), [("ru", "en"), ("en", "de"), ("de", "ru")])
def test_other_languages_are_refused(left: str, right: str) -> None:
    with pytest.raises(ValidationError, match=f"left and right: '{left}' and '{right}' .*; allowed: 'en' and 'ru'"):
        source(left=left, right=right)


def test_it_is_not_said_to_be_back_translated() -> None:
    with pytest.raises(ValidationError, match="back_translated: 'ru' is for a corpus, which 'own_translations' is not"):
        source(back_translated="ru")


def test_no_set_to_measure_by_is_drawn_from_it() -> None:
    assert not source().genuine
    assert source().ways == (("en", "ru"), ("ru", "en"))


def test_every_translation_is_whole_and_russian() -> None:
    book = own_translations()
    assert len(book) == 147_075  # as docs/training.md says
    assert [key for key in book if not re.fullmatch("[0-9a-f]{16}", key)] == []
    assert list(book) == sorted(book)
    for text in book.values():
        assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text)
        assert re.search("[а-яё]", text.casefold())


def test_no_latin_letter_stands_in_a_russian_word() -> None:
    """One that looks like a Cyrillic one would be learned for good."""
    mixed = re.compile("[a-z][а-яё]|[а-яё][a-z]", re.IGNORECASE)
    assert [text for text in own_translations().values() if mixed.search(text)] == []
