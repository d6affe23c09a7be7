"""Are words that stand alone translated, and into the language that was asked for?

Translates the words of words.tsv, whose English side is not in the package's wordbook, and those of the wordbook, as
the service does, one by one, and counts which come out as one of the translations that either table has for them;
case, "to" before a verb and the dots of ё do not matter. Of the others it counts those that are left as they are. A
right translation that no table has counts as wrong. The last line is one JSON object.

    python -m benchmarks.words de fr es ru
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from benchmarks.shipped import translate

OTHERS = Path(__file__).with_name("words.tsv").read_text(encoding="utf-8")
WORDBOOK = resources.files("training.corpora").joinpath("words.tsv").read_text(encoding="utf-8")
ALTERNATIVES = ";"

Words = dict[str, set[str]]


def words(table: str, source: str, target: str) -> Words:
    """Each word of one column with what any row of any table has for it in the other, as `plain` writes that."""
    found: Words = {word: set() for row in _rows(table) for word in row[source].split(ALTERNATIVES)}
    for row in (*_rows(OTHERS), *_rows(WORDBOOK), *_rows(table)):
        for word in row[source].split(ALTERNATIVES):
            if word in found:
                found[word].update(map(plain, row[target].split(ALTERNATIVES)))
    return found


def plain(word: str) -> str:
    """Without what does not matter."""
    return word.casefold().removeprefix("to ").replace("ё", "е")


def counts(asked: Words, answers: Iterable[str]) -> dict[str, int]:
    """How many are right, and how many of the others are what was asked."""
    pairs = list(zip(asked, map(plain, answers), strict=True))
    wrong = [(plain(word), answer) for word, answer in pairs if answer not in asked[word]]
    return {
        "words": len(pairs),
        "right": len(pairs) - len(wrong),
        "left_as_they_are": sum(word == answer for word, answer in wrong),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("languages", nargs="+", help="each from and to English")
    parser.add_argument("--show", action="store_true", help="print each word that is not right")
    options = parser.parse_args()
    result: dict[str, object] = {"benchmark": "words"}
    for name, table in (("others", OTHERS), ("wordbook", WORDBOOK)):
        for language in options.languages:
            for source, target in (("en", language), (language, "en")):
                asked = words(table, source, target)
                answers = [each.best.text for each in translate(list(asked), source, target, "text")]
                result[f"{name} {source}-{target}"] = counts(asked, answers)
                for word, answer in zip(asked, answers, strict=True) if options.show else ():
                    if plain(answer) not in asked[word]:
                        print(f"{source}-{target}: {word} -> {answer}; not {' or '.join(sorted(asked[word]))}")
    print(json.dumps(result, ensure_ascii=False))


def _rows(table: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)


if __name__ == "__main__":
    main()
