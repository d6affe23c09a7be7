"""Do placeholders come out once each, where the translator of the corpus has them?

Draws pairs from a file of `source<TAB>target` that have a number, a name or the like once in both texts, puts a
placeholder of another kind in the place of each (up to three), and translates the source as the service does, as plain
text. A placeholder's place is the share of the text's characters in front of it; how far it is from its place in the
reference is given beside what leaving it at the source's own place would give. The last line is one JSON object.

    python -m benchmarks.placeholders PAIRS
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sacrebleu import CHRF

from benchmarks.markup import PLACEHOLDERS
from benchmarks.pairs import read_pairs
from benchmarks.shipped import translate
from training.corpora.pair import SentencePair
from training.stand_ins import replaced, shared_parts

FAR = 0.25


@dataclass(frozen=True)
class Case:
    """A pair with the same placeholders in both texts."""

    source: str
    reference: str
    placeholders: tuple[str, ...]


def case(pair: SentencePair, rng: random.Random) -> Case | None:
    shared = shared_parts(pair)
    if not shared:
        return None
    places = rng.sample(shared, min(len(shared), rng.randint(1, 3)))
    chosen = rng.sample(PLACEHOLDERS, len(places))
    source, reference = (
        replaced(text, [(spans[side], each) for spans, each in zip(places, chosen, strict=True)])
        for side, text in enumerate((pair.left, pair.right))
    )
    once = all(len(starts(each, text)) == 1 for text in (source, reference) for each in chosen)
    return Case(source, reference, tuple(chosen)) if once else None


def starts(placeholder: str, text: str) -> list[int]:
    """Where it begins, but not as part of a word, as "-f" is of "full-featured"."""
    before = r"(?<!\w)" if re.match(r"[\w-]", placeholder) else ""
    after = r"(?!\w)" if re.search(r"\w$", placeholder) else ""
    return [match.start() for match in re.finditer(before + re.escape(placeholder) + after, text)]


def place(placeholder: str, text: str) -> float:
    return starts(placeholder, text)[0] / max(1, len(text) - len(placeholder))


def distances(cases: Sequence[Case], answers: Sequence[str]) -> dict[str, float]:
    """How far the placeholders that are there stand from their places in the reference."""
    found = [
        (
            abs(place(each, answer) - place(each, asked.reference)),
            abs(place(each, asked.source) - place(each, asked.reference)),
        )
        for asked, answer in zip(cases, answers, strict=True)
        for each in asked.placeholders
        if starts(each, answer)
    ]
    written, left = zip(*found, strict=True)
    return {
        "distance": round(statistics.fmean(written), 3),
        "distance_of_source_places": round(statistics.fmean(left), 3),
        "far": round(sum(each > FAR for each in written) / len(written), 3),
        "far_of_source_places": round(sum(each > FAR for each in left) / len(left), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--count", type=int, default=1000, help="sentences")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    parser.add_argument("--show", type=int, default=5, help="of those that the network did not copy")
    options = parser.parse_args()
    rng = random.Random(1)
    pairs = read_pairs(options.pairs, options.source, options.target)
    rng.shuffle(pairs)
    made = (case(SentencePair(*pair), rng) for pair in pairs)
    cases = [each for each, _number in zip(filter(None, made), range(options.count), strict=False)]
    done = translate([each.source for each in cases], options.source, options.target, "text")
    answers = [each.best.text for each in done]
    lost = [asked for asked, each in zip(cases, done, strict=True) if "placeholder_lost" in each.warnings]
    for each in lost[: options.show]:
        print("put back:", each.source, "->", answers[cases.index(each)])
    counts = [
        (len(starts(each, answer)), asked)
        for asked, answer in zip(cases, answers, strict=True)
        for each in asked.placeholders
    ]
    for count, asked in counts:
        if count != 1:
            print(f"{count} times:", asked.source, "->", answers[cases.index(asked)])
    result = {
        "benchmark": "placeholders",
        "sentences": len(cases),
        "placeholders": len(counts),
        "once": sum(count == 1 for count, _asked in counts),
        "sentences_put_back_and_warned": len(lost),
        "lost_silently": sum(count == 0 and asked not in lost for count, asked in counts),
        **distances(cases, answers),
        "chrf": round(CHRF().corpus_score(answers, [[each.reference for each in cases]]).score, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
