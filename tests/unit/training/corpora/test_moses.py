"""The Moses reader: two files side by side."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from model_store.errors import ConfigError
from training.corpora.errors import CorpusError
from training.corpora.moses import find_moses, read_moses
from training.corpora.pair import BadLine, SentencePair


def test_pairs_lines_of_the_same_number_and_keeps_tabs_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "corpus.v1.en").write_bytes(b"one\ntwo\twords\n\nfour\n")
    (tmp_path / "corpus.v1.ru.gz").write_bytes(gzip.compress("раз\nдва\nтри\n".encode() + b"\xff\n"))
    left, right = find_moses(tmp_path / "corpus.v1", "en", "ru", field="web.path")
    assert list(read_moses(left, right)) == [
        SentencePair("one", "раз"),
        SentencePair("two\twords", "два"),
        SentencePair("", "три"),
        BadLine(f"{right}:4", "invalid_utf8"),
    ]


@pytest.mark.parametrize(("left", "right"), [(3, 5), (5, 3), (0, 1)])
def test_differing_line_counts_are_an_error_with_both(tmp_path: Path, left: int, right: int) -> None:
    (tmp_path / "c.en").write_bytes(b"x\n" * left)
    (tmp_path / "c.ru").write_bytes(b"y\n" * right)
    with pytest.raises(CorpusError, match=rf"c\.en has {left} lines.*c\.ru has {right}"):
        list(read_moses(*find_moses(tmp_path / "c", "en", "ru", field="web.path")))


def test_a_missing_side_is_named_with_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "c.en").write_bytes(b"x\n")
    with pytest.raises(ConfigError, match=r"web\.path: .*none of c\.ru, c\.ru\.gz, c\.ru\.xz is in"):
        find_moses(tmp_path / "c", "en", "ru", field="web.path")
