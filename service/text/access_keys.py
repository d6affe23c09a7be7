"""Access keys of labels: a sign in front of the letter that a keyboard presses, as in "&File", "Save _As…" and "E~xit".

A network has learned from labels without them. So it is given those without, and the translation gets one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import regex

from model_store.placeholders import find_placeholders
from service.text.edits import Span
from service.text.words import word_spans

# Longer texts are no labels.
_MOST_CHARACTERS = 100
_SIGNS = "&_~"
_AT_WORD = regex.compile(
    rf"""(?<![^\s\p{{Ps}}\p{{Pi}}"'>]|[\-=]>)[{_SIGNS}]"""
    rf"(?=(?:\p{{L}}\p{{M}}*+)++(?![{_SIGNS}\p{{N}}]|\(\)))",
    regex.V1,
)
# E_xit, O&pen, Match c&ase: no snake_case, no drag&drop, no V_in, and no b&b. Of Cu_t a vocabulary may know no more
# than its two parts.
_SHORT = 2
_IN_WORD = regex.compile(
    rf"(?<![\p{{L}}\p{{M}}\p{{N}}{_SIGNS}])(?!\p{{L}}(?:[_~]\p{{Ll}}{{1,2}}|&\p{{Ll}})(?!\p{{Ll}}))"
    rf"(?|(\p{{Lu}}\p{{Ll}}{{0,3}})([_~])|(\p{{L}}\p{{Ll}}*+)(&))(\p{{Ll}}+)(?![\p{{L}}\p{{M}}\p{{N}}{_SIGNS}])",
    regex.V1,
)
# No "Save As…", whose dots end no sentence.
_SENTENCE_END = regex.compile(r"[.!?…]\s|(?<!\.)[.!?]\s*$")
_LETTERS = regex.compile(r"\p{L}+")

CountTokens = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class AccessKey:
    """label: the text without the sign. place: of the key in it."""

    label: str
    sign: str
    place: int

    @property
    def letter(self) -> str:
        """The key."""
        return self.label[self.place]


def access_key(text: str, count_tokens: CountTokens) -> AccessKey | None:
    """That of a text of one line; None if it has none, or more than one.

    A sign in a word is one if a vocabulary knows the word better without it, so no Q&A. What begins with a sign may be
    the name of a variable or of a user, and a sentence has no "_" or "~" but in its first word.
    """
    if len(text) > _MOST_CHARACTERS or "\n" in text.strip() or not any(sign in text for sign in _SIGNS):
        return None
    places = [match.start() for match in _AT_WORD.finditer(text)]
    for match in _IN_WORD.finditer(text):
        before, sign, after = match.groups()
        apart = count_tokens(before) + count_tokens(after)
        if count_tokens(before + after) < apart + (sign != "&" and len(before) == _SHORT):
            places.append(match.end(1))
    if len(places) != 1:
        return None
    (place,) = places
    key = AccessKey(text[:place] + text[place + 1 :], text[place], place)
    if (key.sign != "&" and (text.count(key.sign) > 1 or _is_prose(text, place))) or _may_be_a_name(key, count_tokens):
        return None
    if any(each.start <= place < each.end for each in find_placeholders(text) if each.kind != "identifier"):
        return None
    return key


def _is_prose(text: str, place: int) -> bool:
    return " " in text[:place].lstrip() and _SENTENCE_END.search(text) is not None


def _may_be_a_name(key: AccessKey, count_tokens: CountTokens) -> bool:
    """A single letter has a key at the beginning only: "&À propos", but no "R &D". In front of a small letter it is one
    where "&" begins the text; and "&" and "_" are in a text of several words, if the vocabulary knows the word: "~" is
    "about" there."""
    before, word = key.label[: key.place].lstrip(), _LETTERS.match(key.label, key.place)
    if word is None or before[-1:].isalpha():
        return False
    if before and len(word[0]) == 1:
        return True
    if key.letter.isupper() or (key.sign == "&" and not before):
        return False
    return key.sign == "~" or not before[:1].isupper() or count_tokens(word[0]) > 1


def place_of_key(letter: str, target: str, near: Span | None) -> int | None:
    """Where the sign goes in the translation of a label: in front of the word that begins with that letter, else of the
    one at `near`, else of the first; None if there is no word."""
    kept = [(each.start, each.end) for each in find_placeholders(target)]
    words = [
        start
        for start, _end in word_spans(target)
        if target[start].isalpha() and not any(low <= start < high for low, high in kept)
    ]
    if not words:
        return None
    return min(
        words,
        key=lambda start: (
            target[start].casefold() != letter.casefold(),
            near is None or not near[0] <= start < near[1],
            start,
        ),
    )
