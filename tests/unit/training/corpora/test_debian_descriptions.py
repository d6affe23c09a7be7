"""Package descriptions: joining two small hand-made indices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from training.corpora import debian_descriptions
from training.corpora.debian_descriptions import pair_descriptions, read_debian_descriptions
from training.corpora.pair import BadLine, SentencePair

ENGLISH = """\
Package: ed
Description-md5: 11
Description-en: classic text editor
 The editor of old. It reads
 lines.
 .
 Features:
  * small,
    and fast
  * everywhere
 .
 Last.

Package: only
Description-md5: 22
Description-en: nobody translated me

Package: short
Description-md5: 33
Description-en: a synopsis
 One paragraph.
"""
RUSSIAN = """\
Package: ed
Description-md5: 11
Description-ru: классический редактор
 Старый редактор.
 Читает строки.
 .
 Свойства:
  * маленький
    и быстрый
  * везде
 .
 Конец.

Package: short
Description-md5: 33
Description-ru: краткое описание
 Один абзац.
 .
 Лишний абзац.

Package: short
Description-md5: 44
Description-ru: перевод старого текста
"""


def pairs(tmp_path: Path, english: str, russian: bytes) -> list[SentencePair | BadLine]:
    left, right = tmp_path / "Translation-en", tmp_path / "Translation-ru"
    left.write_text(english, encoding="utf-8")
    right.write_bytes(russian)
    return list(pair_descriptions([left], "en", [right], "ru"))


def test_joins_on_package_and_md5_and_pairs_synopsis_paragraphs_and_list_items(tmp_path: Path) -> None:
    assert pairs(tmp_path, ENGLISH, RUSSIAN.encode()) == [
        SentencePair("classic text editor", "классический редактор"),
        SentencePair("The editor of old. It reads lines.", "Старый редактор. Читает строки."),
        SentencePair("Features:", "Свойства:"),
        SentencePair("small, and fast", "маленький и быстрый"),
        SentencePair("everywhere", "везде"),
        SentencePair("Last.", "Конец."),
        SentencePair("a synopsis", "краткое описание"),
        BadLine("Translation-ru short 33", "paragraphs_differ"),
        BadLine("Translation-ru short 44", "no_counterpart"),
        BadLine("Translation-en only 22", "no_counterpart"),
    ]


def test_a_paragraph_whose_items_differ_in_number_leaves_the_others(tmp_path: Path) -> None:
    russian = RUSSIAN.replace("  * везде\n", "")
    found = pairs(tmp_path, ENGLISH, russian.encode())
    assert found[1:4] == [
        SentencePair("The editor of old. It reads lines.", "Старый редактор. Читает строки."),
        BadLine("Translation-ru ed 11", "paragraphs_differ"),
        SentencePair("Last.", "Конец."),
    ]


def test_an_entry_without_a_description_is_a_bad_line(tmp_path: Path) -> None:
    found = pairs(tmp_path, ENGLISH, b"Package: short\nDescription-md5: 33\n\nPackage: ed\nDescription-ru: x\n")
    assert found[:2] == [
        BadLine("Translation-ru short 33", "no_description"),
        BadLine("Translation-ru ed ", "no_description"),
    ]
    assert [item.reason for item in found[2:] if isinstance(item, BadLine)] == ["no_counterpart"] * 3


def test_bytes_that_are_not_utf8_spoil_their_paragraph_only(tmp_path: Path) -> None:
    russian = RUSSIAN.encode().replace("Конец".encode(), b"\xff")
    assert pairs(tmp_path, ENGLISH, russian)[4:6] == [
        SentencePair("everywhere", "везде"),
        SentencePair("Last.", "\ufffd."),
    ]


def test_the_same_entry_in_two_suites_counts_once(tmp_path: Path) -> None:
    found = pairs(tmp_path, ENGLISH, (RUSSIAN + "\n" + RUSSIAN).encode())
    assert found.count(SentencePair("classic text editor", "классический редактор")) == 1


def test_reads_what_apt_fetched_into_a_folder_that_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []

    def fetch(languages: list[str], folder: Path) -> Iterator[list[Path]]:
        folders.append(folder)
        for language, text in zip(languages, (ENGLISH, RUSSIAN), strict=True):
            path = folder / f"Translation-{language}"
            path.write_text(text, encoding="utf-8")
            yield [path]

    monkeypatch.setattr(debian_descriptions, "fetch_translations", fetch)
    found = list(read_debian_descriptions("en", "ru"))
    assert found[0] == SentencePair("classic text editor", "классический редактор")
    assert not folders[0].exists()


@pytest.mark.parametrize("code", ["", "english", 'ru"; };', "ru-ru", "../ru"])
def test_a_malformed_language_is_refused_at_the_call(code: str) -> None:
    with pytest.raises(ConfigError, match="allowed"):
        read_debian_descriptions("en", code)
