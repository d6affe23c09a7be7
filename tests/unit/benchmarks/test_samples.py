"""Samples: both directions show the same sentences, a second run the same ones, and a cell stays a cell."""

from __future__ import annotations

import lzma
from pathlib import Path

from benchmarks.samples import FIRST, drawn, table


def pairs_file(folder: Path, count: int) -> Path:
    path = folder / "set.en-ru.tsv.xz"
    path.write_bytes(lzma.compress("".join(f"en {number}\tru {number}\n" for number in range(count)).encode()))
    return path


def test_both_directions_show_the_same_sentences_of_the_first_pairs(tmp_path: Path) -> None:
    path = pairs_file(tmp_path, FIRST + 500)
    there, back = drawn(path, "en", "ru", 20), drawn(path, "ru", "en", 20)
    assert len(set(there)) == 20
    assert [text.replace("en", "ru") for text in there] == back
    assert all(int(text.split()[1]) < FIRST for text in there)
    assert drawn(pairs_file(tmp_path, FIRST), "en", "ru", 20) == there


def test_what_would_end_a_cell_is_escaped() -> None:
    rows = table("en", "de", [("a | b", "two\nlines"), ("C:\\x", "y")]).splitlines()
    assert rows == ["| | en | de |", "|--:|---|---|", r"| 1 | a \| b | two lines |", r"| 2 | C:\\x | y |"]
