"""What the tests of the prepare step prepare: a small corpus, and what came of it as text again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model_store.tokenizer import Tokenizer
from tests.unit.training.tiny import recipe, sentence_pairs
from training.cleaning import CleaningReport
from training.config import Recipe
from training.dataset import PackedPairs
from training.preparation import prepare
from training.run_folder import RunFolder

PAIRS = sentence_pairs(120)
HELD_OUT = PAIRS[:5]
SOURCE = {"name": "words", "format": "tsv", "left": "xx", "right": "yy", "path": "words.tsv"}
TEST_SET = {"name": "test", "left": "xx", "right": "yy", "path": "test.tsv"}


def run(corpus: Path, name: str, **data: Any) -> tuple[CleaningReport, RunFolder, Recipe]:
    fields: dict[str, Any] = {"report": (TEST_SET,), "validation_pairs": 15, **data}
    config = recipe(**fields)
    folder = RunFolder(corpus.parent / name)
    return prepare(config, corpus, folder), folder, config


def texts(folder: Path, tokenizer: Tokenizer) -> list[tuple[str, str]]:
    """What was packed, as text again."""
    pairs = PackedPairs.load(folder)
    return [
        (tokenizer.decode(pairs.side(pair, 0)), tokenizer.decode(pairs.side(pair, 1))) for pair in range(len(pairs))
    ]
