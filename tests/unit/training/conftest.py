"""The corpus of the tests of the prepare step."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.training.prepared import HELD_OUT, PAIRS
from tests.unit.training.tiny import write_tsv


@pytest.fixture(name="corpus")
def corpus_fixture(tmp_path: Path) -> Path:
    """120 pairs, 10 of them twice, 2 lines that are no pair, one empty side, and a test set of 5 of the pairs."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    write_tsv(folder / "words.tsv", [*PAIRS, *PAIRS[20:30]])
    with (folder / "words.tsv").open("ab") as file:
        file.write(b"only one column\nnot \xff utf-8\tx\n\tempty left\n")
    write_tsv(folder / "test.tsv", HELD_OUT)
    return folder
