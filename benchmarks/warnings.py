"""Are translations with a warning worse? Mean chrF of segments with each warning, and of those without.

Draws pairs from files of `source<TAB>target` (xz or plain), translates them as the service does, scores each segment
against its reference; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from pathlib import Path

from sacrebleu import CHRF

from benchmarks.pairs import read_pairs
from benchmarks.shipped import translate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--sample", type=int, default=45, help="pairs of each file")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    options = parser.parse_args()
    drawn = [pair for path in options.pairs for pair in random.Random(1).sample(read_pairs(path), options.sample)]
    references = dict(drawn)
    done = translate(list(references), options.source, options.target, "text")
    segments = [each for text in done for each in text.segments]
    chrf = CHRF()
    scored = [
        (chrf.sentence_score(each.best.text, [references[each.source]]).score, each.best.warnings)
        for each in segments
        if each.source in references  # a text of one segment: the others have no reference of their own
    ]
    answer: dict[str, object] = {"benchmark": "warnings", "segments": len(scored)}
    for warning in sorted({warning for _score, warnings in scored for warning in warnings}):
        groups = {True: [s for s, w in scored if warning in w], False: [s for s, w in scored if warning not in w]}
        answer[warning] = {
            "segments": len(groups[True]),
            "chrf_with": round(statistics.mean(groups[True]), 1),
            "chrf_without": round(statistics.mean(groups[False]), 1) if groups[False] else None,
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
