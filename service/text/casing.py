"""Capitals, Title Case, and no capital: the model is given what it has learned, the reader gets what was shouted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from service.text.edits import Span

# A word of nothing but letters, and no part of a placeholder, path, address, option or file name.
_WORD = regex.compile(
    r"(?<![\p{L}\p{N}_%{}$@#&/\\<=.:)]|%\()\p{L}[\p{L}\p{M}'’]*+(?![\p{N}_%{}$@#/\\>=]|[.:]\p{L}|://|\()", regex.V1
)
# The word that a translation begins with, if nothing but that makes its first letter a capital: no GNOME, X11, E-Mail,
# Dir::Etc or O'Brien, and no "I".
_FIRST_WORD = regex.compile(
    r"\A([^\p{L}\p{N}\s]*+)(?!I(?!\p{L}))(\p{Lu})((?:[\p{Ll}\p{M}]|['’](?=\p{Ll}))*+)(?=[^\p{L}\p{N}\s+#:\-_'’]*+(?:\s|\Z))",
    regex.V1,
)
_BEFORE_FIRST_WORD = regex.compile(r"[^\p{L}\p{N}\s]*+", regex.V1)
_SECOND_WORD = regex.compile(r"\s\S*?\p{L}")
_LEAST_TITLE_WORDS = 3
# Shorter words are written small in titles ("of", "the", "und").
_SMALL_WORD_LETTERS = 3
# What German sentences begin with that is small inside them, whoever is addressed: no "Sie", "Ihr", "Ihnen".
_SMALL_IN_GERMAN = regex.compile(
    r"aber|als|am|an|auch|auf|aus|bei|beim|bis|da|damit|dann|das|dass|dem|den|denn|der|des|die|dies|diese|"
    r"diesem|diesen|dieser|dieses|doch|du|durch|ein|eine|einem|einen|einer|eines|er|es|für|gegen|hat|ich|"
    r"im|in|ist|kann|man|mit|muss|nach|nicht|noch|nur|ob|obwohl|oder|ohne|sehr|seit|sind|so|sodass|"
    r"sondern|sowie|um|und|unter|viele|vom|von|vor|war|wann|warum|was|weil|welche|welcher|welches|wenn|"
    r"wer|werden|wie|wir|wird|wo|während|zu|zum|zur|zwischen|über"
)

# Whether a word is none of the nouns, as far as is known, of languages whose nouns all have a capital.
_NONE_OF_THE_NOUNS: dict[str, Callable[[str], bool]] = {
    "de": lambda word: _SMALL_IN_GERMAN.fullmatch(word) is not None,
    "lb": lambda _word: False,
}
_NOUNS_HAVE_CAPITALS = _NONE_OF_THE_NOUNS.keys()

CountTokens = Callable[[str], int]


@dataclass(frozen=True)
class Recased:
    """text: what the model is given, as long as the original. shouted: whether its translation is to be in capitals.
    small: whether a word that a translation may begin with, given with a small letter, is to begin with that; None if
    it is to begin as the model has it."""

    text: str
    shouted: bool = False
    small: Callable[[str], bool] | None = None

    def restore(self, translation: str, terms: Sequence[tuple[Span, str]] = ()) -> str:
        """The translation in the case of the original, as long as it was: a letter such as ß, whose capital is two,
        stays, and so does what is no word.

        Args:
            terms: where it has those of a glossary, and how that has them. One that begins what is to begin with a
                small letter begins as it does there; words with capitals and small letters, as iFile, stay.
        """
        if self.small is not None:
            begun = _begun_by(terms, translation)
            return _FIRST_WORD.sub(self._begun_small, translation, count=1) if begun is None else begun
        if not self.shouted:
            return translation

        def shouted(word: regex.Match[str]) -> str:
            kept = _is_mixed(word[0]) and any(start <= word.start() < end for (start, end), _term in terms)
            return word[0] if kept else _upper(word[0])

        return _WORD.sub(shouted, translation)

    def _begun_small(self, match: regex.Match[str]) -> str:
        before, first, rest = match.groups()
        small = first.lower()
        begins_small = self.small is not None and len(small) == 1 and self.small(small + rest)
        return before + small + rest if begins_small else match[0]


def recase(text: str, language: str, count_tokens: CountTokens) -> Recased:
    """A sentence in capitals, or of at least three words in Title Case, as it would be in the middle of a text.

    Each word takes the form that the vocabulary knows best, in the fewest tokens: "USB" and "Tom" keep their capitals,
    "DEVICE" and "Device" lose theirs. What is neither in capitals nor in Title Case comes back as it is.
    """
    if sum(map(str.isupper, text)) < 2:  # most sentences, at a glance
        return Recased(text)
    words: list[str] = _WORD.findall(text)
    shouted = _is_shouted(words)
    if not shouted and not (_is_title(words) and language.partition("-")[0] not in _NOUNS_HAVE_CAPITALS):
        return Recased(text)
    first = True

    def known(match: regex.Match[str]) -> str:
        nonlocal first
        word = _best_known(match[0], count_tokens, shouted=shouted)
        if first:
            first, word = False, _capitalised(word) if word.islower() and not match[0].islower() else word
        return word if len(word) == len(match[0]) else match[0]

    recased = _WORD.sub(known, text)
    return Recased(recased, shouted and recased != text)


def has_own_case(text: str) -> bool:
    """Whether a text is all in capitals or in Title Case."""
    words: list[str] = _WORD.findall(text)
    return _is_shouted(words) or _is_title(words)


def begun_large(text: str, target: str, count_tokens: CountTokens) -> Recased | None:
    """A text of several words whose first is small as one that begins with a capital; None for any other.

    Its translation begins with a small letter, unless the vocabulary knows its first word better with a capital, as a
    name. Where nouns of the language of the translation, `target`, have one, it does with words that are none.
    """
    word = _WORD.match(text)
    large = text[:1].title()
    if word is None or not word[0].islower() or len(large) != 1 or large == text[0]:
        return None
    if not _SECOND_WORD.search(text, word.end()):
        return None

    def known_small(first: str) -> bool:
        return count_tokens(first) <= count_tokens(first[0].upper() + first[1:])

    return Recased(large + text[1:], small=_NONE_OF_THE_NOUNS.get(target.partition("-")[0], known_small))


def _begun_by(terms: Sequence[tuple[Span, str]], translation: str) -> str | None:
    """The translation with the letter that the term has which it begins with; None if it begins with none."""
    match = _BEFORE_FIRST_WORD.match(translation)
    start = match.end() if match else 0
    term = next((term for span, term in terms if span[0] == start), None)
    return None if term is None else translation[:start] + term[0] + translation[start + 1 :]


def _is_mixed(word: str) -> bool:
    return any(map(str.isupper, word[1:])) and not word.isupper()


def _is_shouted(words: list[str]) -> bool:
    return any(len(word) > 1 for word in words) and all(word.isupper() for word in words)


def _is_title(words: list[str]) -> bool:
    small = [word for word in words if word.islower()]
    return len(words) - len(small) >= _LEAST_TITLE_WORDS and all(len(word) <= _SMALL_WORD_LETTERS for word in small)


def _best_known(word: str, count_tokens: CountTokens, *, shouted: bool) -> str:
    if shouted:
        return min(word.lower(), _capitalised(word), word, key=count_tokens)
    # What is written in another way than a word of a title is a name: "GNOME", "iPad".
    return min(word.lower(), word, key=count_tokens) if word == _capitalised(word) else word


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:].lower()


def _upper(word: str) -> str:
    return "".join(upper if len(upper := letter.upper()) == 1 else letter for letter in word)
