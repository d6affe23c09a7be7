"""English sentences as users have them: of test sets, or of this repository's documentation."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.pairs import read_pairs
from service.text.segmentation import split_text

ROOT = Path(__file__).parent.parent
TEST_SETS = ("tatoeba", "newstest2017")


def english(folder: Path | None, count: int) -> list[str]:
    """Sentences as users have them, drawn with a fixed seed; an equal share of each source."""
    if folder is None:
        texts = [
            (path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("**/*.md")) if ".venv" not in path.parts
        ]
        lines = [line for text in texts for line in text.splitlines() if line and line[0].isalpha()]
        pieces = (
            piece.text
            for line in lines
            for piece in split_text(line, language="en", count_tokens=len, max_tokens=400)
            if piece.text.strip()
        )
        sources = [list(dict.fromkeys(pieces))]  # each once
    else:
        sources = [left_column(folder / "test", name) for name in TEST_SETS]
    rng = random.Random(1)
    share = -(-count // len(sources))
    drawn = [text for source in sources for text in rng.sample(source, min(share, len(source)))]
    rng.shuffle(drawn)
    return drawn


def left_column(folder: Path, name: str) -> list[str]:
    """The English side of a test set."""
    path = next(iter(sorted(folder.glob(f"{name}.en-ru.tsv*"))), None)
    if path is None:
        raise FileNotFoundError(f"FOLDER: {folder} has no {name}.en-ru.tsv[.xz]")
    return [source for source, _target in read_pairs(path)]
