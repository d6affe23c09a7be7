"""Pairs that teach a network to copy placeholders: words that stand in both texts give way to the bundle's stand-ins.

Corpora are cleaned of strings with placeholders in them, so there is little to learn copying from. But numbers, names
in Latin letters, addresses and options stand in both texts of many pairs. A served bundle is given a stand-in for each
placeholder (`decoding.stand_ins`), so it is those that are put in their place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import regex

from model_store.placeholders import find_placeholders
from training.corpora.pair import SentencePair

_MOST = 3
# Numbers, dates and versions; words of Latin letters, which may be joined by dots, hyphens and the like.
_COPIED = regex.compile(r"(?<!\w)[0-9A-Za-z]+(?:[.,:/+\-][0-9A-Za-z]+)*+(?!\w)")

Span = tuple[int, int]


def with_stand_ins(pair: SentencePair, words: Sequence[str], random: np.random.Generator) -> SentencePair | None:
    """The pair with up to three of what stands once in both texts replaced by as many of `words`, the same in both.

    None if nothing stands in both, or every one of `words` does already.
    """
    shared = shared_parts(pair)
    free = [word for word in words if not any(_stands(word, text) for text in (pair.left, pair.right))]
    if not shared or not free:
        return None
    number = int(random.integers(1, min(_MOST, len(shared), len(free)) + 1))
    places = [shared[place] for place in random.choice(len(shared), number, replace=False)]
    chosen = [free[place] for place in random.choice(len(free), number, replace=False)]
    sides = [
        replaced(text, [(spans[side], word) for spans, word in zip(places, chosen, strict=True)])
        for side, text in enumerate((pair.left, pair.right))
    ]
    return SentencePair(*sides)


def shared_parts(pair: SentencePair) -> list[tuple[Span, Span]]:
    """Where what stands exactly once in each text does so, as spans in the left and in the right one."""
    left, right = (_once(text) for text in (pair.left, pair.right))
    return [(left[part], right[part]) for part in left if part in right]


def _once(text: str) -> dict[str, Span]:
    """The words and placeholders that `text` has once, with their spans; no two overlap."""
    spans = [(each.start, each.end) for each in find_placeholders(text)]
    taken = list(spans)
    for match in _COPIED.finditer(text):
        start, end = match.span()
        if all(end <= low or start >= high for low, high in taken):
            spans.append((start, end))
    found: dict[str, Span] = {}
    twice: set[str] = set()
    for start, end in spans:
        part = text[start:end]
        if part in found:
            twice.add(part)
        found[part] = (start, end)
    return {part: span for part, span in found.items() if part not in twice}


def _stands(word: str, text: str) -> bool:
    return regex.search(rf"(?<!\w){regex.escape(word)}(?!\w)", text, regex.IGNORECASE) is not None


def replaced(text: str, edits: Sequence[tuple[Span, str]]) -> str:
    for (start, end), word in sorted(edits, reverse=True):
        text = text[:start] + word + text[end:]
    return text
