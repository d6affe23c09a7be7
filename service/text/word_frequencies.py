"""How likely the words of a short text are in a language, by the lists inside wordfreq (Speer 2022).

A word says more of its language than its letters do: "Hello" is Spanish to a model of n-grams.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import regex
from wordfreq import available_languages, get_frequency_dict

from service.languages import match_language

# Of more words n-grams say enough.
MOST_WORDS = 4
# Frequency of a word that a list does not have: a tenth of the least in one.
_UNLISTED = 1e-7
# Words are not drawn one after the other, as their likelihood has it. With half its weight as many texts of one to
# three words are found, and of those found with a confidence of 0.95 a third as many wrongly
# (benchmarks/detection.py).
_WEIGHT = 0.5
# From here on a word is one that everybody who speaks the language knows.
_COMMON = 1e-5
_WORD = regex.compile(r"[\p{L}\p{M}]++(?:['’][\p{L}\p{M}]++)*+")
_LISTS = "small"  # of words that are one in a million or more


def frequencies(text: str, served: Sequence[str]) -> dict[str, list[float]]:
    """How often each word of `text` is a word of each language, by code; 0 where it is not on the list.

    Empty if there are no words, or more than MOST_WORDS, or no list of one of the languages.
    """
    words = [match[0].replace("’", "'").casefold() for match in _WORD.finditer(text)]
    lists = _lists(tuple(served))
    if not words or len(words) > MOST_WORDS or len(lists) < len(served):
        return {}
    return {code: [_frequency(word, lists[code]) for word in words] for code in served}


def log_likelihood(found: Sequence[float]) -> float:
    """Of words that are so frequent."""
    return _WEIGHT * sum(math.log(max(frequency, _UNLISTED)) for frequency in found)


def are_common(found: Sequence[float]) -> bool:
    """Whether all of the words are in everyday use."""
    return min(found) >= _COMMON


def _frequency(word: str, listed: Mapping[str, float]) -> float:
    """Of a word; of one that is not on the list the least of its parts', since "l'eau" is two words."""
    return listed.get(word) or min(listed.get(part, 0.0) for part in word.split("'"))


@functools.lru_cache(maxsize=16)
def _lists(served: tuple[str, ...]) -> dict[str, Mapping[str, float]]:
    """That of each language that there is one of, by its code: some 5 MB each."""
    named = {match_language(label, served): label for label in sorted(available_languages(_LISTS))}
    return {code: get_frequency_dict(label, _LISTS) for code, label in named.items() if code is not None}
