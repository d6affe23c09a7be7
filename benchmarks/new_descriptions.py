"""Texts for the summarizer that no corpus of it has: descriptions of packages that came to Debian later.

Reads an index of a release's descriptions (Translation-de of dists/RELEASE/main/i18n, as a mirror has it, .xz, .bz2)
and writes description -> synopsis, tab-separated. Left out are texts of fewer than 12 words; what is near a text of
the files of pairs, by word triples as held-out texts are; what has a synopsis that is a side of one, but for case and
punctuation; transitional packages, debug symbols and headers, and libraries of Java, which are many and alike; and
second texts with the same synopsis or a like description.

    python -m benchmarks.new_descriptions Translation-de.bz2 --language de --out debian-13-synopsis.de.tsv.xz \
        --files debian-synopsis.de.tsv.xz ddtp.en-de.tsv.xz
"""

from __future__ import annotations

import argparse
import bz2
import json
import lzma
import random
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import regex

from benchmarks.leakage import leaks
from benchmarks.measure import machine
from benchmarks.pairs import read_pairs
from training.near_duplicates import NearDuplicates, similarity

THRESHOLD = 0.6
MOST_WORDS = 220  # of a description, as in the corpora
FEWEST_WORDS = 12
_LEFT_OUT = regex.compile(r"-(?:dev|dbg|dbgsym)\Z|^lib.*-java\Z")
_TRANSITIONAL = regex.compile(r"transitional|dummy|Übergang|transition|transici|переходн", regex.IGNORECASE)
_MARK = regex.compile(r"^\s*[*+\-•o]\s+")


def described(path: Path, language: str) -> Iterator[tuple[str, str, str]]:
    """Package, description in one line and synopsis of every entry of an index, in its order."""
    unpacked = (bz2 if path.suffix == ".bz2" else lzma).decompress(path.read_bytes()).decode()
    for entry in unpacked.split("\n\n"):
        fields = entry.split(f"\nDescription-{language}: ", 1)
        if len(fields) == 2:
            synopsis, *text = fields[1].split("\n")
            parts = [_MARK.sub("", line[1:]) for line in text if line.startswith(" ") and line.strip() != "."]
            package = fields[0].split("\n", 1)[0].removeprefix("Package: ").strip()
            yield package, " ".join(" ".join(parts).split()[:MOST_WORDS]), synopsis.strip()


def unlike(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs without those that have the synopsis of one before them, or a near duplicate of its description."""
    near = NearDuplicates([text for text, _synopsis in pairs], THRESHOLD)
    kept: dict[int, tuple[str, str]] = {}
    synopses: set[str] = set()
    for number, ((text, synopsis), others) in enumerate(zip(pairs, near.near(text for text, _s in pairs), strict=True)):
        like = (each for each in others if each in kept and similarity(kept[each][0], text) >= THRESHOLD)
        if synopsis.casefold() not in synopses and next(like, None) is None:
            kept[number] = text, synopsis
            synopses.add(synopsis.casefold())
    return list(kept.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, help="Translation-XX, .xz or .bz2")
    parser.add_argument("--language", required=True)
    parser.add_argument("--files", type=Path, nargs="+", required=True, help="pairs that are known, .tsv or .tsv.xz")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="ends in .tsv.xz")
    options = parser.parse_args()
    found = [
        (text, synopsis)
        for package, text, synopsis in described(options.index, options.language)
        if len(text.split()) >= FEWEST_WORDS
        and not _LEFT_OUT.search(package)
        and not _TRANSITIONAL.search(synopsis)
        and "\t" not in text + synopsis
    ]
    known = chain.from_iterable(chain.from_iterable(read_pairs(path) for path in options.files))
    texts, synopses = [text for text, _synopsis in found], [synopsis for _text, synopsis in found]
    near, references = leaks(texts, synopses, known, THRESHOLD, "summarize")
    new = [pair for number, pair in enumerate(found) if number not in near | references]
    random.Random(options.seed).shuffle(new)
    drawn = unlike(new)[: options.count]
    with lzma.open(options.out, "wt", encoding="utf-8") as out:
        out.writelines(f"{text}\t{synopsis}\n" for text, synopsis in drawn)
    counts = {"described": len(found), "near_duplicates": len(near), "synopses_known": len(references - near)}
    print(
        json.dumps(
            {"benchmark": "new_descriptions", "machine": machine(), **counts, "new": len(new), "written": len(drawn)}
        )
    )


if __name__ == "__main__":
    main()
