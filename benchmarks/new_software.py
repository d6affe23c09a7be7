"""Software text that no corpus of a translator has: strings of programs and descriptions of packages that came later.

Reads the catalogues (.mo) of a folder of unpacked packages and two indices of a release's descriptions (Translation-en
and Translation-ru of dists/RELEASE/main/i18n, unpacked), and writes --count pairs, half of each kind as far as there
are as many, drawn with --seed. As in the corpora, strings have five words or more, and descriptions are cut into
sentences where both sides have as many. Left out are: what has a placeholder, a tag, an accelerator key or an option of
a command, which are measured elsewhere (benchmarks/placeholders.py); what was left in English; what is near a side of a
pair of --files, by word triples as held-out texts are, or has a translation that is a side of one, but for case and
punctuation; and second texts with the same translation or a like source.

    python -m benchmarks.new_software PACKAGES Translation-en Translation-ru --right ru \
        --files CORPORA/translate/*.en-ru.tsv.xz --out CORPORA/test/debian-13-software.en-ru.tsv.xz
"""

from __future__ import annotations

import argparse
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import regex

from benchmarks.leakage import FEW_WORDS, leaks
from benchmarks.measure import machine
from benchmarks.new_descriptions import THRESHOLD, unlike
from benchmarks.pairs import read_pairs
from service.text.segmentation import sentences
from training.corpora.debian_descriptions import pair_descriptions
from training.corpora.gettext import read_gettext
from training.corpora.pair import SentencePair

LEFT = "en"
MOST_LETTERS = 400  # of a side, as in the corpora
MOST_TIMES_LONGER = 2.5
_NOT_PLAIN = regex.compile(r"[%{}<>\\&_$|=~^\[\]`\p{C}]|(?<!\p{L})-{1,2}\p{L}|\p{L}\(\d?\)|://|\.\.\.\.")
_TRANSLATORS = regex.compile(r"translator|credits|Project-Id", regex.IGNORECASE)


def strings(folder: Path, right: str) -> Iterator[tuple[str, str]]:
    """Strings of all catalogues of a language below a folder, with their translations."""
    for path in sorted(folder.glob(f"**/{right}/LC_MESSAGES/*.mo")):
        for item in read_gettext(path, right):
            if isinstance(item, SentencePair):
                yield item.left, item.right


def descriptions(lefts: Path, rights: Path, right: str) -> Iterator[tuple[str, str]]:
    """Sentences of descriptions, with their translations; a paragraph whole if the sides have not as many sentences."""
    for item in pair_descriptions([lefts], LEFT, [rights], right):
        if isinstance(item, SentencePair):
            cut = [*sentences(item.left, LEFT)], [*sentences(item.right, right)]
            yield from zip(*cut, strict=True) if len(cut[0]) == len(cut[1]) else [(item.left, item.right)]


def usable(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that are plain text in two languages, stripped, each once."""
    stripped = dict.fromkeys((left.strip(), right.strip()) for left, right in pairs)
    return [pair for pair in stripped if _usable(*pair)]


def _usable(left: str, right: str) -> bool:
    if len(left.split()) < FEW_WORDS or not right or max(len(left), len(right)) > MOST_LETTERS:
        return False
    if _NOT_PLAIN.search(left) or _NOT_PLAIN.search(right) or _TRANSLATORS.search(left):
        return False
    return (
        left.casefold() != right.casefold() and max(len(left) / len(right), len(right) / len(left)) <= MOST_TIMES_LONGER
    )


def new(pairs: list[tuple[str, str]], files: list[Path]) -> list[tuple[str, str]]:
    """Those that no pair of the files is near to, nor has the translation of."""
    known = chain.from_iterable(chain.from_iterable(read_pairs(path) for path in files))
    lefts, rights = [left for left, _right in pairs], [right for _left, right in pairs]
    near, references = leaks(lefts, rights, known, THRESHOLD, "translate")
    return [pair for number, pair in enumerate(pairs) if number not in near | references]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="folder of unpacked packages")
    parser.add_argument("english", type=Path, help="Translation-en, unpacked")
    parser.add_argument("translated", type=Path, help="Translation-XX, unpacked")
    parser.add_argument("--right", required=True, help="the language of XX")
    parser.add_argument("--files", type=Path, nargs="+", required=True, help="pairs that are known, .tsv or .tsv.xz")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="ends in .tsv.xz")
    options = parser.parse_args()
    found = {
        "strings": usable(strings(options.packages, options.right)),
        "descriptions": usable(descriptions(options.english, options.translated, options.right)),
    }
    drawing = random.Random(options.seed)
    unknown: list[tuple[str, str]] = []
    counts: dict[str, dict[str, int]] = {}
    for kind, pairs in found.items():
        left_over = new(pairs, options.files)
        drawing.shuffle(left_over)
        drawn = unlike(left_over)[: options.count // 2]
        unknown += drawn
        counts[kind] = {"usable": len(pairs), "new": len(left_over), "written": len(drawn)}
    drawing.shuffle(unknown)
    with lzma.open(options.out, "wt", encoding="utf-8") as out:
        out.writelines(f"{left}\t{right}\n" for left, right in unknown)
    print(json.dumps({"benchmark": "new_software", "machine": machine(), **counts}))


if __name__ == "__main__":
    main()
