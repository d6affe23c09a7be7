"""What do translations and summaries look like that nobody picked?

Draws sentences with a fixed seed from the first pairs of the everyday and of the software test set of each language,
the same ones into English as from it, asks a running server for their translations by POST /v1/translate, and prints
the tables of docs/samples.md as Markdown.

    verso serve &
    python -m benchmarks.samples CORPORA ru        # or: de fr es

With --summaries it draws from the descriptions that benchmarks/new_descriptions.py has written in the same way, asks
POST /v1/summarize, and shows the beginnings of the texts.

    python -m benchmarks.samples CORPORA en de fr es ru --summaries --count 10
"""

from __future__ import annotations

import argparse
import random
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.pairs import read_pairs
from service.client import Client
from service.client_answers import ConnectionFailedError

KINDS = {"Everyday": "test/tatoeba.en-{}.tsv.xz", "Software": "translate/podocs.en-{}.tsv.xz"}
DESCRIPTIONS = "test/debian-13-synopsis.{}.tsv.xz"
FIRST = 1000
SHOWN = 150  # characters of a text to summarize


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


def translations(verso: Client, corpora: Path, language: str, count: int) -> Iterator[str]:
    """A section for each kind and direction."""
    for kind, path in KINDS.items():
        for source, target in (("en", language), (language, "en")):
            texts = drawn(corpora / path.format(language), source, target, count)
            answers = [each.text for each in verso.translate_many(texts, source=source, target=target)]
            rows = table(source, target, list(zip(texts, answers, strict=True)))
            yield f"## {kind}, {source}-{target}\n\n{rows}"


def summaries(verso: Client, corpora: Path, language: str, count: int) -> Iterator[str]:
    """The section of a language."""
    texts = drawn(corpora / DESCRIPTIONS.format(language), language, language, count)
    answers = [each.text for each in verso.summarize_many(texts, language=language)]
    rows = [(shortened(text), answer) for text, answer in zip(texts, answers, strict=True)]
    yield f"## Summaries, {language}\n\n{table('text', 'summary', rows)}"


def shortened(text: str) -> str:
    """Its first words, as many as are shown."""
    return textwrap.shorten(text, SHOWN, placeholder=" …")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("languages", nargs="+", help="beside English; of summaries all that are wanted")
    parser.add_argument("--summaries", action="store_true")
    parser.add_argument("--server", default="http://127.0.0.1:5000")
    parser.add_argument("--count", type=int, default=20, help="sentences of a table")
    options = parser.parse_args()
    sections_of = summaries if options.summaries else translations
    try:
        with Client(options.server) as verso:
            for language in options.languages:
                for section in sections_of(verso, options.corpora, language, options.count):
                    print(section, end="\n\n")
    except ConnectionFailedError as error:
        raise SystemExit(f"--server: {error}") from error


if __name__ == "__main__":
    main()
