"""The TSV reader: pairs, bad lines, packed files."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from training.corpora.errors import CorpusError
from training.corpora.pair import BadLine, SentencePair
from training.corpora.tsv import read_tsv


def test_reads_pairs_and_names_each_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_bytes("a cat\tкот\nsolitary\nb\tб\tв\n\n".encode() + b"bad \xff\tx\n" + "last\tпоследний\r\n".encode())
    assert list(read_tsv(path)) == [
        SentencePair("a cat", "кот"),
        BadLine(f"{path}:2", "not_two_columns"),
        BadLine(f"{path}:3", "not_two_columns"),
        BadLine(f"{path}:4", "not_two_columns"),
        BadLine(f"{path}:5", "invalid_utf8"),
        SentencePair("last", "последний"),
    ]


def test_a_byte_order_mark_and_a_missing_last_line_end_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_bytes(b"\xef\xbb\xbfone\ttwo\nthree\tfour")
    assert list(read_tsv(path)) == [SentencePair("one", "two"), SentencePair("three", "four")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_and_not_taken_for_lines_of_bad_characters(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.tsv"
    path.write_bytes("\ufeffone\ttwo\r\n".encode(encoding))
    with pytest.raises(CorpusError, match=r"x\.tsv: is UTF-16; allowed: UTF-8"):
        list(read_tsv(path))


def test_other_line_separators_of_unicode_stay_inside_a_line(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("a\u2028b\x0bc\u0085d\te\n", encoding="utf-8")
    assert list(read_tsv(path)) == [SentencePair("a\u2028b\x0bc\u0085d", "e")]


def test_packed_files_read_as_plain_ones(tmp_path: Path) -> None:
    (tmp_path / "x.tsv.gz").write_bytes(gzip.compress("a\tб\n".encode()))
    (tmp_path / "x.tsv.xz").write_bytes(lzma.compress("a\tб\n".encode()))
    for name in ("x.tsv.gz", "x.tsv.xz"):
        assert list(read_tsv(tmp_path / name)) == [SentencePair("a", "б")]


@pytest.mark.parametrize("name", ["x.tsv.gz", "x.tsv.xz"])
@pytest.mark.parametrize("kind", ["cut", "plain"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, name: str, kind: str) -> None:
    content = b"".join(b"%d\t%d\n" % (i, i * i) for i in range(5000))
    packed = gzip.compress(content) if name.endswith("gz") else lzma.compress(content)
    (tmp_path / name).write_bytes(packed[:-40] if kind == "cut" else content)
    with pytest.raises(CorpusError, match=name):
        list(read_tsv(tmp_path / name))
