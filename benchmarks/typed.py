"""What becomes of sentences as people type them into a chat: with a small letter at the start, and no full stop?

Translates the sources of files of `source<TAB>target` with what ships, as they are and as typed, and scores each by
the targets, as they are and as typed. The last line is one JSON object.

    python -m benchmarks.typed FILE... [--source en] [--target ru] [--count 250]
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from sacrebleu import corpus_bleu, corpus_chrf

from benchmarks.pairs import read_pairs
from benchmarks.shipped import translate

_MARKS = re.compile(r"^[¿¡]+|\s*[.!?…]+$")
_FIRST = re.compile(r"^(?!I\b)\w")


def as_typed(text: str) -> str:
    """Without the marks that begin and end a sentence, and with a small first letter, but for the English I."""
    return _FIRST.sub(lambda letter: letter[0].lower(), _MARKS.sub("", text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=250, help="the first pairs of each file")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    options = parser.parse_args()
    pairs = [
        pair for path in options.pairs for pair in read_pairs(path, options.source, options.target)[: options.count]
    ]
    result: dict[str, object] = {"benchmark": "typed", "sentences": len(pairs)}
    for name, change in (("as_they_are", str), ("as_typed", as_typed)):
        sources, targets = ([change(each[side]) for each in pairs] for side in (0, 1))
        answers = [each.best.text for each in translate(sources, options.source, options.target, "text")]
        scores = (corpus_bleu(answers, [targets]).score, corpus_chrf(answers, [targets]).score)
        result[name] = dict(zip(("bleu", "chrf"), (round(score, 2) for score in scores), strict=True))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
