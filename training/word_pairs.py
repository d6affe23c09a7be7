"""Words and their translations, learned from pairs of sentences, for a network to learn of words that stand alone.

A network that has only read sentences leaves a word that stands alone as it is, or writes it in another of its
languages. Two words are a pair if each is, of all words, the likeliest translation of the other by IBM model 1
(training/lexicon.py), as dictionaries are learned from texts in two languages (Melamed 2000, Models of translational
equivalence among words).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from training.corpora.pair import SentencePair
from training.lexicon import Ints, Lexicon, model_1

# Longer texts say less about which word is which, and cost the square of their length.
MOST_WORDS = 25
MOST_PAIRS = 250_000
LEAST_COUNT = 5
LEAST_PROBABILITY = 0.35
LEAST_LETTERS = 3
_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*")
_APOSTROPHES = regex.compile("['’]")


def word_pairs(pairs: Sequence[SentencePair], *, seed: int) -> list[SentencePair]:
    """Pairs of words that translate each other, the most frequent first; none that is the same word on both sides.

    Each is the likeliest translation of the other, with LEAST_PROBABILITY or more, occurs in LEAST_COUNT of the texts
    that are looked at or more, and has LEAST_LETTERS or more. Those are the texts of at most MOST_WORDS words on either
    side; of more than MOST_PAIRS pairs as many are drawn. A word is spelled as it is most often within a sentence;
    those that stand only at the head of one are left out, as nothing says whether they have a capital, and so are those
    with an apostrophe, which are mostly two words.
    """
    left, right = (_side(getattr(pair, side) for pair in pairs) for side in ("left", "right"))
    lengths = ((len(left.texts[p]), len(right.texts[p])) for p in range(len(pairs)))
    short = [p for p, (shorter, longer) in enumerate(map(sorted, lengths)) if shorter > 0 and longer <= MOST_WORDS]
    if len(short) > MOST_PAIRS:
        chosen = np.random.default_rng(seed).choice(len(short), MOST_PAIRS, replace=False)
        short = [short[index] for index in np.sort(chosen)]
    if not short:
        return []
    there = _likeliest(model_1([(left.texts[p], right.texts[p]) for p in short]))
    back = _likeliest(model_1([(right.texts[p], left.texts[p]) for p in short]))
    counts = [Counter(id_ for p in short for id_ in set(side.texts[p].tolist())) for side in (left, right)]
    found = []
    for source, target in there.items():
        pair = SentencePair(left.words[source], right.words[target])
        count = min(counts[0][source], counts[1][target])
        if back.get(target) == source and count >= LEAST_COUNT and _teaches(pair):
            found.append((-count, pair))
    return [pair for _count, pair in sorted(found, key=lambda each: (each[0], each[1].left, each[1].right))]


@dataclass(frozen=True)
class _Side:
    """One side of all pairs: its words, empty where the spelling is not known, and the ids of each text's."""

    words: list[str]
    texts: list[Ints]


def _side(texts: Iterable[str]) -> _Side:
    found = [_WORD.findall(text) for text in texts]
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for words in found:
        for word in words[1:]:
            spellings[word.lower()][word] += 1
    ids: dict[str, int] = {}
    as_ids = [np.array([ids.setdefault(word.lower(), len(ids)) for word in words], np.int64) for words in found]
    return _Side([max(spellings[word], key=spellings[word].__getitem__, default="") for word in ids], as_ids)


def _likeliest(lexicon: Lexicon) -> dict[int, int]:
    """The likeliest translation of each word, where it is likely enough; of several the first."""
    order = np.lexsort((lexicon.target, -lexicon.probability, lexicon.source))
    source, probability = lexicon.source[order], lexicon.probability[order]
    best = np.flatnonzero(np.diff(source, prepend=-1) != 0)
    best = best[probability[best] >= LEAST_PROBABILITY]
    return dict(zip(source[best].tolist(), lexicon.target[order][best].tolist(), strict=True))


def _teaches(pair: SentencePair) -> bool:
    return (
        min(len(pair.left), len(pair.right)) >= LEAST_LETTERS
        and pair.left.casefold() != pair.right.casefold()
        and not _APOSTROPHES.search(pair.left + pair.right)
    )
