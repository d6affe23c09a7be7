"""What do translations look like that nobody picked?

Draws sentences with a fixed seed from the first pairs of the everyday and of the software test set of each language,
the same ones into English as from it, asks a running server for their translations by POST /v1/translate, and prints
the tables of docs/samples.md as Markdown.

    verso serve &
    python -m benchmarks.samples CORPORA ru        # or: de fr es
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pairs import read_pairs
from service.client import Client

KINDS = {"Everyday": "test/tatoeba.en-{}.tsv.xz", "Software": "translate/podocs.en-{}.tsv.xz"}
FIRST = 1000


def drawn(path: Path, source: str, target: str, count: int) -> list[str]:
    """`count` sources of the first FIRST pairs of a file; which ones depends on how many pairs it has, and no more."""
    pairs = read_pairs(path, source, target)[:FIRST]
    return [text for text, _reference in random.Random(1).sample(pairs, count)]


def table(source: str, target: str, rows: Sequence[tuple[str, str]]) -> str:
    """Numbered rows of a text and its translation as a Markdown table."""
    lines = [f"| | {source} | {target} |", "|--:|---|---|"]
    lines += [f"| {number} | {_cell(text)} | {_cell(answer)} |" for number, (text, answer) in enumerate(rows, 1)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("languages", nargs="+", help="beside English")
    parser.add_argument("--server", default="http://127.0.0.1:5000")
    parser.add_argument("--count", type=int, default=20, help="sentences of a table")
    options = parser.parse_args()
    sections = []
    with Client(options.server) as verso:
        for language in options.languages:
            for kind, path in KINDS.items():
                for source, target in (("en", language), (language, "en")):
                    texts = drawn(options.corpora / path.format(language), source, target, options.count)
                    answers = [each.text for each in verso.translate_many(texts, source=source, target=target)]
                    rows = table(source, target, list(zip(texts, answers, strict=True)))
                    sections.append(f"## {kind}, {source}-{target}\n\n{rows}")
    print("\n\n".join(sections))


if __name__ == "__main__":
    main()
