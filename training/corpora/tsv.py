"""Tab-separated text: one pair per line, left<TAB>right, plain or packed by gzip or xz."""

from __future__ import annotations

from pathlib import Path

from training.corpora.compression import numbered_lines
from training.corpora.pair import BadLine, Items, SentencePair


def read_tsv(path: Path) -> Items:
    """Pairs of one file. A line that is not UTF-8, or has not exactly two columns, is a BadLine.

    Raises:
        CorpusError: the file cannot be read.
    """
    for number, line in numbered_lines(path):
        if line is None:
            yield BadLine(f"{path}:{number}", "invalid_utf8")
            continue
        columns = line.split("\t")
        if len(columns) != 2:
            yield BadLine(f"{path}:{number}", "not_two_columns")
            continue
        yield SentencePair(columns[0], columns[1])
