"""Do numbers and symbols of a sentence come through its translation, and is it said where they do not?

Takes sentences with figures or symbols in them from files of `source<TAB>target`, translates them with the shipped
model, and looks for each number (with whatever separates its groups of digits) and each symbol in the translation, and
in the file's own, since people write "5 PM" as 17:00 too. Kinds: "short" numbers have at most three digits, "long"
ones more, "joined" ones several groups, as dates, times, versions and decimals have; "symbol" is a run of what is
neither letter, digit nor punctuation of prose; "escape" is a backslash with a letter. `silent` are those changed of
which no warning says so. The last line is one JSON object.

    python -m benchmarks.copying FILE... [--names]

--names: of sentences with names of programs, functions and options instead, which have a capital behind a small letter
or "::" (LibreOffice, Dir::Etc); kind "name".
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from pathlib import Path

from sacrebleu import corpus_bleu, corpus_chrf

from benchmarks.pairs import read_pairs
from benchmarks.shipped import translate

_SPACE = "[ \u00a0\u202f]"
_NUMBER = re.compile(
    rf"(?<!\d)(?<!\d[.,])\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:,\d+)?(?!\d)|"  # 40 000,5
    r"\d+(?:[.,:/\-\u2010-\u2014'’]\d+)*"
)
_THOUSANDS = re.compile(rf"\d{{1,3}}(?:(?:[,.'’]|{_SPACE})\d{{3}})+")
_ESCAPE = re.compile(r"\\[a-z\"']")
_SYMBOL = re.compile(r"[<>=+*|\\^~&@#$€£%©®™°±×÷≤≥≠→←↑↓•§]+")
_NAME = re.compile(
    r"(?<![\w:])(?:(?=\w{4})[A-Za-z0-9]*[a-z][A-Z][A-Za-z0-9]*|[A-Za-z][\w\-]*(?:::\w[\w\-]*)+)(?![\w:])"
)
_SAYING_SO = {"number_changed", "placeholder_lost"}


def atoms_of(text: str) -> Counter[tuple[str, str]]:
    """Kind and spelling of what is to be copied, each as often as it is there."""
    found: Counter[tuple[str, str]] = Counter()
    for match in _NUMBER.finditer(text):
        groups = re.findall(r"\d+", match[0])
        if _THOUSANDS.fullmatch(match[0]):
            groups = ["".join(groups)]
        kind = "joined" if len(groups) > 1 else "long" if len(groups[0]) > 3 else "short"
        found[kind, ".".join(groups)] += 1
    found.update(("escape", match[0]) for match in _ESCAPE.finditer(text))
    found.update(("symbol", match[0]) for match in _SYMBOL.finditer(_ESCAPE.sub(" ", text)))
    return found


def names_of(text: str) -> Counter[tuple[str, str]]:
    """As `atoms_of`, each name once however often it is there, in small letters."""
    return Counter({("name", match[0].casefold()): 1 for match in _NAME.finditer(text)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=1000, help="sentences of each file")
    parser.add_argument("--longest", type=int, default=200, help="characters of a sentence")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    parser.add_argument("--show", type=int, default=5, help="of each kind that changed silently")
    parser.add_argument("--names", action="store_true", help="names instead of figures and symbols")
    options = parser.parse_args()
    found_in = names_of if options.names else atoms_of
    rng = random.Random(1)
    pairs = []
    for path in options.pairs:
        usable = [
            each
            for each in read_pairs(path, options.source, options.target)
            if len(each[0]) <= options.longest and found_in(each[0])
        ]
        pairs += rng.sample(usable, min(options.count, len(usable)))
    sources, references = map(list, zip(*pairs, strict=True))
    done = translate(sources, options.source, options.target, "text")
    answers = [each.best.text for each in done]
    counts: dict[str, Counter[str]] = {}
    shown: Counter[str] = Counter()
    for source, answer, reference, translation in zip(sources, answers, references, done, strict=True):
        wanted = found_in(source)
        lost, others = wanted - found_in(answer), wanted - found_in(reference)
        warned = bool(_SAYING_SO & set(translation.warnings))
        for (kind, _spelling), number in wanted.items():
            counts.setdefault(kind, Counter())["all"] += number
        for (kind, _spelling), number in lost.items():
            counts[kind]["changed"] += number
            counts[kind]["silent"] += 0 if warned else number
        for (kind, _spelling), number in others.items():
            counts[kind]["changed_by_people"] += number
        for kind, spelling in lost:
            if not warned and shown[kind] < options.show:
                shown[kind] += 1
                print(f"{kind} {spelling}: {source} -> {answer}")
    result = {
        "benchmark": "copying",
        "sentences": len(sources),
        "bleu": round(corpus_bleu(answers, [references]).score, 2),
        "chrf": round(corpus_chrf(answers, [references]).score, 2),
        "warned": sum(bool(_SAYING_SO & set(each.warnings)) for each in done),
        **{kind: dict(counts[kind]) for kind in sorted(counts)},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
