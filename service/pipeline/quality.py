"""What is wrong with a translation as far as a machine can see it. Thresholds: docs/quality.md says how chosen."""

from __future__ import annotations

import regex

from service.text.copied import missing, numbers

_LOWEST_SCORE = -1.5  # mean natural-log probability of a token
_LONGEST_REPEATED = 4  # words
_LEAST_REPEATED = 3  # words that a repetition takes up, the first time counted
_MOST_WORDS = 2000
_WORD = regex.compile(r"[\w\p{M}]+", regex.V1)


def is_low(score: float) -> bool:
    """Whether a translation of this mean score is more often wrong than right."""
    return score < _LOWEST_SCORE


def repeats(source: str, target: str) -> bool:
    """Whether the target says the same one to four words again and again, and more so than the source."""
    return _repeated(target) >= max(_LEAST_REPEATED, _repeated(source) + 1)


def changes_numbers(source: str, target: str) -> bool:
    """Whether the numbers in figures are others, whatever separates their groups of digits."""
    return numbers(source) != numbers(target)


def loses_symbols(source: str, target: str) -> bool:
    """Whether a symbol is not there any more."""
    return any(not name[0].isdecimal() for name in missing(source, target))


def _repeated(text: str) -> int:
    """Words of the longest stretch that is a few words over and over; 0 if there is none."""
    words: list[str] = [match[0].casefold() for match in _WORD.finditer(text)][:_MOST_WORDS]
    longest = 0
    for length in range(1, _LONGEST_REPEATED + 1):
        same = 0
        for index in range(length, len(words)):
            same = same + 1 if words[index] == words[index - length] else 0
            if same >= length:
                longest = max(longest, same // length * length + length)
    return longest
