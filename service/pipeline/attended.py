"""Where in its source a network looks when it writes what a word is translated by.

A reversed encoder reads from the end, and who writes the translation of a word looks at the token before it as a rule.
A word that says little, such as an article, is often passed over too; then it is what stands before that. All that asks
for the places of words asks here: alignment, and with it tags and coverage; and terms. docs/quality.md has what was
measured, under "Tags".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from service.text.edits import Span
from service.text.words import before_what_says_little, word_spans


def attended_tokens(span: Span, tokens: Sequence[Span | None], text: str, *, lags: bool) -> list[int]:
    """The tokens of `text` that are attended to when what stands at `span` is translated, and what says little in front
    of it; -1 is the control token in front of all. lags: whether the encoder is a reversed one."""
    start, end = span
    if lags:
        words = word_spans(text)
        here = max(bisect_right(words, start, key=lambda word: word[0]) - 1, 0)
        start = words[before_what_says_little(text, words, here)][0]
    there = [index for index, token in enumerate(tokens) if token and start < token[1] and token[0] < end]
    if not lags or not there:
        return there
    before_it = [index for index, token in enumerate(tokens) if token and token[1] <= start]
    return list(range(before_it[-1] if before_it else -1, there[-1]))


def translated_words(words: Sequence[int], prefix: int, length: int, *, lags: bool) -> list[int]:
    """The word that is translated by what attends to each token of a source, as a rule; -1 for none.

    Args:
        words: the word that each token of the text is a part of. prefix: control tokens in front of the text. length:
            of all of the source, in tokens.
    """
    behind = length - prefix - len(words)
    if not lags:
        return [-1] * prefix + list(words) + [-1] * behind
    return [*[words[0]] * (prefix - 1), *words, *[-1] * (behind + 1)][-length:]
