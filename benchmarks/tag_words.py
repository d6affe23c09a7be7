"""Does a tag around a word come to be around the word that translates it?

Draws sentences from a file of `source<TAB>target`, translates them, wraps one word of each in <b>, and translates that.
Which word of a translation is the right one says a lexicon that knows nothing of the network's attention: IBM model 1
in both directions (Brown et al. 1993) over the stems of files of pairs. Only words of more than three letters count for
which it is sure: the product of their two probabilities is at least SURE, and CLEAR times that of any other pair that
one of the two could be in. The last line is one JSON object; its verdicts: "right" (that word and no other in bold),
"with_others", "wrong" (other words), "no_word" (punctuation, or nothing).

    python -m benchmarks.tag_words SENTENCES --lexicon PAIRS...
"""

from __future__ import annotations

import argparse
import html
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import snowballstemmer
from babel import Locale

from benchmarks.pairs import read_pairs
from benchmarks.shipped import translate
from training.lexicon import model_1

SURE = 0.05
CLEAR = 5.0
LONGEST = 30  # words of a pair that the lexicon is made from
_WORD = re.compile(r"[^\W\d_]+")

Stem = Callable[[str], str]
Lexicon = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Case:
    """A word of a sentence, at `span`, and the one of its translation that is right."""

    sentence: str
    span: tuple[int, int]
    right: str

    @property
    def html(self) -> str:
        before, word, after = (html.escape(part, quote=False) for part in self.parts)
        return f"{before}<b>{word}</b>{after}"

    @property
    def parts(self) -> tuple[str, str, str]:
        start, end = self.span
        return self.sentence[:start], self.sentence[start:end], self.sentence[end:]

    @property
    def behind_a_short_word(self) -> bool:
        return re.search(r"(?<!\w)\w{1,3} $", self.parts[0]) is not None


def stemmer(language: str) -> Stem:
    stems = snowballstemmer.stemmer(str(Locale("en").languages[language]).lower())
    return cache(lambda word: str(stems.stemWord(word.lower())))


def lexicon(pairs: Sequence[tuple[str, str]], stems: tuple[Stem, Stem]) -> Lexicon:
    """(stem, stem) -> the product of the probabilities that each is translated by the other."""
    ids: tuple[dict[str, int], dict[str, int]] = ({}, {})
    coded = []
    for pair in pairs:
        words = [_WORD.findall(text) for text in pair]
        if all(0 < len(each) <= LONGEST for each in words):
            one, other = (
                np.array([known.setdefault(stem(word), len(known)) for word in each])
                for each, stem, known in zip(words, stems, ids, strict=True)
            )
            coded.append((one, other))
    there, back = model_1(coded), model_1([(other, one) for one, other in coded])
    again = dict(zip(zip(back.target.tolist(), back.source.tolist(), strict=True), back.probability, strict=True))
    names = [list(each) for each in ids]
    return {
        (names[0][one], names[1][other]): float(p * again[one, other])
        for one, other, p in zip(there.source.tolist(), there.target.tolist(), there.probability, strict=True)
        if p * again[one, other] > SURE / 100
    }


def cases(sentence: str, translation: str, known: Lexicon, stems: tuple[Stem, Stem]) -> list[Case]:
    """The words of a sentence whose translation the lexicon is sure of."""
    words, written = list(_WORD.finditer(sentence)), _WORD.findall(translation)
    p = np.array([[known.get((stems[0](word[0]), stems[1](other)), 0.0) for other in written] for word in words])
    found = []
    for place, word in enumerate(words):
        if len(word[0]) <= 3 or not written:
            continue
        best = int(p[place].argmax())
        others = np.concatenate((np.delete(p[place], best), np.delete(p[:, best], place)))
        if p[place, best] >= max(SURE, CLEAR * max(others, default=0.0)):
            found.append(Case(sentence, word.span(), written[best]))
    return found


def verdict(case: Case, answer: str) -> str:
    inside = html.unescape(" ".join(re.findall(r"<b>(.*?)</b>", answer)))
    words = _WORD.findall(inside)
    if case.right in words:
        return "right" if len(words) == 1 else "with_others"
    return "wrong" if words else "no_word"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--lexicon", type=Path, nargs="+", required=True, help="files of pairs")
    parser.add_argument("--count", type=int, default=1000, help="sentences")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    parser.add_argument("--show", type=int, default=5, help="of what was not right")
    options = parser.parse_args()
    rng = random.Random(1)
    languages = options.source, options.target
    stems = stemmer(languages[0]), stemmer(languages[1])
    known = lexicon([pair for path in options.lexicon for pair in read_pairs(path, *languages)], stems)
    sources = [source for source, _target in read_pairs(options.sentences, *languages)]
    usable = [source for source in sources if "<" not in source and len(source) < 120]
    sentences = rng.sample(usable, min(options.count, len(usable)))
    plain = translate(sentences, *languages, "text")
    sure = [cases(text, done.best.text, known, stems) for text, done in zip(sentences, plain, strict=True)]
    drawn = [rng.choice(each) for each in sure if each]
    done = translate([case.html for case in drawn], *languages, "html")
    verdicts = [verdict(case, each.best.text) for case, each in zip(drawn, done, strict=True)]
    for case, each, said in zip(drawn, done, verdicts, strict=True):
        if said != "right" and options.show:
            options.show -= 1
            print(f"{said}: {case.html} -> {each.best.text} ({case.right})")
    behind = [said for case, said in zip(drawn, verdicts, strict=True) if case.behind_a_short_word]
    result = {
        "benchmark": "tag_words",
        "sentences": len(sentences),
        "words": len(drawn),
        **Counter(verdicts),
        "behind_a_short_word": Counter(behind),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
