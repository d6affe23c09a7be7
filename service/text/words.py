"""A text as words and punctuation marks."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from service.text.edits import Span

_WORDS = regex.compile(r"[\w\p{M}]+|[^\w\s]", regex.V1)
# A word that says something has more letters than "of", "the", "and".
_SHORT = 3


def word_spans(text: str) -> list[Span]:
    """Words and punctuation marks, in order."""
    return [match.span() for match in _WORDS.finditer(text)]


def is_word(text: str, span: Span) -> bool:
    """Whether it is no punctuation mark."""
    return text[span[0]].isalnum() or span[1] - span[0] > 1


def says_little(text: str, span: Span) -> bool:
    """Whether it is a short word, and no name: small, or the first of the text."""
    start, end = span
    word = text[start:end]
    return end - start <= _SHORT and word.isalpha() and (word.islower() or not text[:start].strip())


def before_what_says_little(text: str, words: Sequence[Span], index: int) -> int:
    """The first of the words in front of words[index] that say little; `index` itself if there are none."""
    while index and says_little(text, words[index - 1]):
        index -= 1
    return index


def evenly(source: str, target: str) -> list[tuple[Span, Span]]:
    """What comes from what where nothing says: words in the order of the source, spread evenly."""
    read, written = word_spans(source), word_spans(target)
    return [(read[index * len(read) // len(written)], span) for index, span in enumerate(written)] if read else []
