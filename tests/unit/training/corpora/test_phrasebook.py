"""The package's own phrases."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from training.corpora.pair import SentencePair
from training.corpora.phrasebook import read_phrasebook
from training.corpora.read import read_source
from training.data_config import SourceConfig


def pairs(left: str, right: str) -> list[SentencePair]:
    found = list(read_phrasebook(left, right))
    assert all(isinstance(pair, SentencePair) for pair in found)
    return [pair for pair in found if isinstance(pair, SentencePair)]


def test_any_two_of_its_languages_either_way() -> None:
    assert SentencePair("Good morning!", "Доброе утро!") in pairs("en", "ru")
    assert SentencePair("Gute Nacht!", "Bonne nuit !") in pairs("de", "fr")
    assert [(pair.right, pair.left) for pair in pairs("en", "es")] == [(p.left, p.right) for p in pairs("es", "en")]


def test_every_phrase_is_whole_and_there_once() -> None:
    """A row with a cell too few or too many, or two spaces, would teach a mistake for good."""
    translations = [[pair.right for pair in pairs("en", code)] for code in ("en", "de", "fr", "es", "ru")]
    phrases = list(zip(*translations, strict=True))
    assert len(phrases) > 200
    assert Counter(phrases).most_common(1)[0][1] == 1
    for phrase in phrases:
        for text in phrase:
            assert text == " ".join(text.split()) == unicodedata.normalize("NFC", text) != ""


def test_it_needs_no_file(tmp_path: Path) -> None:
    source = SourceConfig(name="phrases", format="phrasebook", left="en", right="de")
    assert list(read_source(source, tmp_path / "nowhere")) == pairs("en", "de")


def test_a_language_that_it_does_not_have_is_refused_at_the_call() -> None:
    with pytest.raises(ConfigError, match=r"phrasebook: has no 'it'; allowed: \['en', 'de', 'fr', 'es', 'ru'\]"):
        read_phrasebook("en", "it")
