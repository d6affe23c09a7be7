"""Words and their translations, learned from pairs of sentences, for a network to learn of words that stand alone.

A network that has only read sentences leaves a word that stands alone as it is, or writes it in another of its
languages. Two words are a pair if each is, by IBM model 1 (training/lexicon.py), mostly translated by the other, as
dictionaries are learned from texts in two languages (Melamed 2000, Models of translational equivalence among words).
"""

from __future__ import annotations

from collections import Counter
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
LEAST_PROBABILITY = 0.4
_LEAST_LETTERS = 3
_WORD = regex.compile(r"\p{L}+(?:-\p{L}+)*")


def word_pairs(pairs: Sequence[SentencePair], *, seed: int) -> list[SentencePair]:
    """Pairs of words that translate each other, the most frequent first; none that is the same word on both sides.

    Both occur in LEAST_COUNT texts or more, and each is translated by the other with LEAST_PROBABILITY or more. Of more
    than MOST_PAIRS pairs of at most MOST_WORDS words a side as many are drawn. Nouns of German and names keep their
    capital, and words at the head of a sentence lose theirs: each word is written as it mostly is within sentences.
    """
    left, right = (_side(getattr(pair, side) for pair in pairs) for side in ("left", "right"))
    lengths = ((len(left.texts[p]), len(right.texts[p])) for p in range(len(pairs)))
    short = [p for p, (shorter, longer) in enumerate(map(sorted, lengths)) if shorter > 0 and longer <= MOST_WORDS]
    if len(short) > MOST_PAIRS:
        chosen = np.random.default_rng(seed).choice(len(short), MOST_PAIRS, replace=False)
        short = [short[index] for index in np.sort(chosen)]
    if not short:
        return []
    there = model_1([(left.texts[p], right.texts[p]) for p in short])
    back = model_1([(right.texts[p], left.texts[p]) for p in short])
    counts = [Counter(int(id_) for p in short for id_ in set(side.texts[p].tolist())) for side in (left, right)]
    found = []
    for source, target in sorted(_likely(there) & {(t, s) for s, t in _likely(back)}):
        words = left.words[source], right.words[target]
        count = min(counts[0][source], counts[1][target])
        same = words[0].casefold() == words[1].casefold()
        if count >= LEAST_COUNT and not same and min(map(len, words)) >= _LEAST_LETTERS:
            found.append((-count, SentencePair(*words)))
    return [pair for _count, pair in sorted(found, key=lambda each: (each[0], each[1].left, each[1].right))]


@dataclass(frozen=True)
class _Side:
    """One side of all pairs: its words, and the ids of each text's."""

    words: list[str]
    texts: list[Ints]


def _side(texts: Iterable[str]) -> _Side:
    found = [_WORD.findall(text) for text in texts]
    within = Counter(word for words in found for word in words[1:])
    ids: dict[str, int] = {}
    as_ids = [np.array([ids.setdefault(_usual(word, within), len(ids)) for word in words], np.int64) for words in found]
    return _Side(list(ids), as_ids)


def _usual(word: str, within: Counter[str]) -> str:
    """As it is mostly written within sentences: with a capital, or in small letters."""
    small = word.lower()
    capital = small[:1].upper() + small[1:]
    return capital if within[capital] > within[small] else small


def _likely(lexicon: Lexicon) -> set[tuple[int, int]]:
    kept = lexicon.probability >= LEAST_PROBABILITY
    return set(zip(lexicon.source[kept].tolist(), lexicon.target[kept].tolist(), strict=True))
