"""Files of pairs, `source<TAB>target` a line, plain or packed by xz."""

from __future__ import annotations

import lzma
from pathlib import Path


def read_pairs(path: Path, source: str = "", target: str = "") -> list[tuple[str, str]]:
    """The pairs of a file; one whose name says TARGET-SOURCE has its columns the other way round."""
    there, back = (1, 0) if source != target and f".{target}-{source}." in path.name else (0, 1)
    opened = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return [(line[there], line[back]) for line in lines]
