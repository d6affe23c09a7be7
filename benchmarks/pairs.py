"""Files of pairs, `source<TAB>target` a line, plain or packed by xz."""

from __future__ import annotations

import argparse
import lzma
from pathlib import Path


def read_pairs(path: Path, source: str = "", target: str = "") -> list[tuple[str, str]]:
    """The pairs of a file; one whose name says TARGET-SOURCE has its columns the other way round."""
    there, back = (1, 0) if source != target and f".{target}-{source}." in path.name else (0, 1)
    opened = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file]
    return [(line[there], line[back]) for line in lines]


def bundle_and_pairs(description: str | None) -> argparse.ArgumentParser:
    """The arguments of a benchmark that decodes the first pairs of some files with a bundle."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="name, or name@version, of one that ships, or a folder")
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    parser.add_argument("--count", type=int, default=500, help="pairs from the start of each file")
    return parser
