"""Characters that a model has not learned: emoji, other symbols and letters of other scripts, which are copied; and
others that it is given as their like: no-break spaces, ligatures, wide letters, accents that no language of it has.
"""

from __future__ import annotations

import functools
import unicodedata

import regex

from service.text.edits import Edit, Span

_EMOJI = (
    r"(?:[\p{Extended_Pictographic}--[©®™‼⁉]]|\p{Regional_Indicator}|[0-9#*]\ufe0f?\u20e3|[\p{So}--[№°©®™℃℉]]|"
    r"[\p{Sm}--[\x00-\x7f¬±×÷≤≥≠←↑→↓]])"
    r"(?:[\ufe0e\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]|\p{Extended_Pictographic}|"
    r"\p{Regional_Indicator})*+"
)
_PICTURES = regex.compile(rf"{_EMOJI}(?:\s*+{_EMOJI})*+", regex.V1)
# What stands at an end of a sentence is no part of it; nor is what nobody sees, such as a byte order mark.
_AT_START = regex.compile(rf"(?:(?:{_EMOJI}|\p{{Cf}})\s*+)++", regex.V1)
_AT_END = regex.compile(rf"(?:\s*+(?:{_EMOJI}|\p{{Cf}}))++\Z", regex.V1)
_WORD = regex.compile(r"[\p{L}\p{M}\u200c\u200d]+")
_LETTER = regex.compile(r"\p{L}")
_COMPOSED = regex.compile(r"\P{M}\p{M}+")


class Alphabet:
    """characters: of the vocabulary, those that are spelled in bytes not counted."""

    def __init__(self, characters: frozenset[str]) -> None:
        self._known = characters | {chr(code) for code in range(128)}
        self._scripts = {_script(each) for each in characters if each.isalpha()}

    def kept(self, text: str) -> list[Span]:
        """Where emoji are, and words with letters of a script that the vocabulary has none of."""
        if self._known.issuperset(text):
            return []
        found = [match.span() for match in _PICTURES.finditer(text)]
        found += [match.span() for match in _WORD.finditer(text) if any(map(self._is_foreign, match[0]))]
        kept: list[Span] = []
        for start, end in sorted(found):
            if kept and start < kept[-1][1]:  # a mark may belong to both
                kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
            else:
                kept.append((start, end))
        return kept

    def respelled(self, text: str) -> list[Edit]:
        """What becomes something that the vocabulary knows; nothing gets longer in bytes."""
        if self._known.issuperset(text):
            return []
        edits: list[Edit] = []
        for match in _COMPOSED.finditer(text):
            composed = unicodedata.normalize("NFC", match[0])
            like = _like(composed, self._known) if len(composed) == 1 else composed
            if like != match[0] and self._known.issuperset(like):
                edits.append(Edit(*match.span(), like))
        inside = {place for edit in edits for place in range(edit.start, edit.end)}
        for place, character in enumerate(text):
            if character not in self._known and place not in inside:
                like = _like(character, self._known)
                if like != character:
                    edits.append(Edit(place, place + 1, like))
        return sorted(edits, key=lambda edit: edit.start)

    def _is_foreign(self, character: str) -> bool:
        return (
            character not in self._known
            and _LETTER.match(character) is not None
            and _script(character) not in self._scripts
            and _like(character, self._known) == character
        )


@functools.lru_cache(maxsize=32)
def alphabet_of(characters: frozenset[str]) -> Alphabet:
    """The alphabet of a vocabulary."""
    return Alphabet(characters)


def core_of(sentence: str) -> Span:
    """A sentence without the emoji and invisible characters at its ends, and without the white space beside them."""
    before = _AT_START.match(sentence)
    start = before.end() if before else 0
    after = _AT_END.search(sentence, start)
    return start, after.start() if after else len(sentence)


@functools.lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """The first word of its name: LATIN, CYRILLIC, CJK."""
    return unicodedata.name(letter, "").partition(" ")[0]


def _like(character: str, known: frozenset[str] | set[str]) -> str:
    """What a model knows in its stead; itself if there is nothing."""
    category = unicodedata.category(character)
    if category in ("Zs", "Cf"):
        return " " if category == "Zs" else ""
    if category == "No":  # "m²" is not "m2"
        return character
    compatible = unicodedata.normalize("NFKC", character)
    base = unicodedata.normalize("NFD", character)[:1]
    for like in (compatible, base):
        if known.issuperset(like) and len(like) <= len(character.encode()):
            return like
    return character
