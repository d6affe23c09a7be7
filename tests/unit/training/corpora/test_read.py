"""Choosing a reader by format and finding its files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polib
import pytest

from model_store.errors import ConfigError
from training.corpora.pair import SentencePair
from training.corpora.read import read_source
from training.data_config import TestSetConfig
from training.source_config import SourceConfig

Format = Literal["tsv", "tmx", "moses", "gettext"]


def source(format: Format, path: str) -> SourceConfig:
    return SourceConfig(name="web", format=format, left="en", right="ru", path=path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.tsv").write_text("2\tдва\n", encoding="utf-8")
    (tmp_path / "a.tsv").write_text("1\tодин\n", encoding="utf-8")
    (tmp_path / "[odd].tsv").write_text("3\tтри\n", encoding="utf-8")
    (tmp_path / "m.en").write_text("1\n", encoding="utf-8")
    (tmp_path / "m.ru").write_text("один\n", encoding="utf-8")
    (tmp_path / "t.tmx").write_text(
        '<tmx><tu><tuv lang="ru"><seg>один</seg></tuv><tuv lang="en"><seg>1</seg></tuv></tu></tmx>', encoding="utf-8"
    )
    catalogue = polib.POFile()
    catalogue.append(polib.POEntry(msgid="1", msgstr="один"))
    catalogue.save(str(tmp_path / "g.po"))
    return tmp_path


@pytest.mark.parametrize(("format", "path"), [("tsv", "a.tsv"), ("tmx", "t.tmx"), ("moses", "m"), ("gettext", "g.po")])
def test_every_format_is_read(root: Path, format: Format, path: str) -> None:
    assert list(read_source(source(format, path), root)) == [SentencePair("1", "один")]
    test_set = TestSetConfig(name="t", format=format, left="en", right="ru", path=path)
    assert list(read_source(test_set, root)) == [SentencePair("1", "один")]


def test_a_glob_reads_all_files_in_order(root: Path) -> None:
    pairs = list(read_source(source("tsv", "**/[ab].tsv"), root))
    assert pairs == [SentencePair("1", "один"), SentencePair("2", "два")]


def test_an_absolute_path_and_a_name_that_looks_like_a_glob_are_taken_as_they_are(root: Path) -> None:
    elsewhere = Path("nowhere")
    assert list(read_source(source("tsv", "[odd].tsv"), root)) == [SentencePair("3", "три")]
    assert list(read_source(source("tsv", str(root / "a.tsv")), elsewhere)) == [SentencePair("1", "один")]
    assert list(read_source(source("tsv", str(root / "?.tsv")), elsewhere)) == [SentencePair("1", "один")]


@pytest.mark.parametrize("format", ["tsv", "tmx", "moses", "gettext"])
def test_a_path_that_matches_nothing_is_refused_at_the_call(root: Path, format: Format) -> None:
    with pytest.raises(ConfigError, match=r"web\.path.*none-\*\.x"):
        read_source(source(format, "none-*.x"), root)
    with pytest.raises(ConfigError, match=r"web\.path: is empty"):
        read_source(source(format, ""), root)


@pytest.mark.parametrize("path", ["deep", ".", "/"])
def test_a_folder_is_no_corpus(root: Path, path: str) -> None:
    with pytest.raises(ConfigError, match=rf"web\.path: '{path}' is a folder; allowed: .*\*\*"):
        read_source(source("gettext", path), root)


def test_what_is_no_pattern_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"web\.path: 'a\*\*b' is no file and no pattern"):
        read_source(source("tsv", "a**b"), root)


def test_a_translation_memory_of_one_language_has_no_left_and_right(root: Path) -> None:
    config = SourceConfig(name="web", format="tmx", left="en", right="en", path="t.tmx")
    with pytest.raises(ConfigError, match=r"web\.format: 'tmx' does not tell two texts in 'en' apart; allowed: 'tsv'"):
        read_source(config, root)
