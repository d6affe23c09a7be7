"""A glossary: terms and how they are to be translated, and where a text has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

import regex
import snowballstemmer
from babel import Locale

from model_store.placeholders import find_placeholders
from service.errors import InvalidRequestError
from service.text.edits import Span

MAX_TERMS = 10_000
MAX_CHARACTERS = 200
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_]+", regex.V1)


@dataclass(frozen=True)
class TargetForm:
    """One way to write a term. open_ended: the word may go on, with an ending that fits the sentence."""

    text: str
    open_ended: bool


@dataclass(frozen=True)
class GlossaryTerm:
    """source: a word or several; a text has it in any inflection, and with a capital wherever it has one. target: what
    it becomes, as it stands; several forms are divided by "|", and a form that ends in "*" may take any ending.
    """

    source: str
    target: str

    def __post_init__(self) -> None:
        for field, text in (("source", self.source), ("target", self.target)):
            if not _WORD.search(text) or len(text) > MAX_CHARACTERS or regex.search(r"[\p{Cc}\p{Cs}]", text):
                raise InvalidRequestError(
                    f"glossary.{field}",
                    f"{text[:MAX_CHARACTERS]!r} is no term; allowed: at most {MAX_CHARACTERS} characters with a letter "
                    "or digit among them, on one line",
                )
        for form in self.target.split("|"):
            if not _WORD.search(form) or "*" in form.strip()[:-1]:
                raise InvalidRequestError(
                    "glossary.target", f'{self.target!r}: {form!r} is no form; allowed: words, and a "*" at their end'
                )

    @property
    def forms(self) -> tuple[TargetForm, ...]:
        """The ways to write it."""
        stripped = [form.strip() for form in self.target.split("|")]
        return tuple(TargetForm(form.removesuffix("*"), form.endswith("*")) for form in stripped)


def new_term(source: str, target: str) -> GlossaryTerm:
    """A term as someone gives it. Raises InvalidRequestError, also where the source has a placeholder, so that no text
    would have it as a term. One that is to stay as it is may have: it does."""
    term = GlossaryTerm(source, target)
    placeholder = next(iter(find_placeholders(source)), None)
    if placeholder is not None and target != source:
        held = source[placeholder.start : placeholder.end]
        raise InvalidRequestError(
            "glossary.source",
            f"{source!r} has the placeholder {held!r}, which is copied wherever a text has it; allowed: a term without "
            "placeholders, or the same as its target",
        )
    return term


@dataclass(frozen=True)
class Occurrence:
    """A term in a text, at [start, end)."""

    term: GlossaryTerm
    span: Span


class Glossary:
    """Terms from one language to another; of two with the same source the later one counts."""

    def __init__(self, terms: Sequence[GlossaryTerm], language: str) -> None:
        """language: of the sources."""
        if len(terms) > MAX_TERMS:
            raise InvalidRequestError("glossary", f"{len(terms)} terms; allowed: at most {MAX_TERMS}")
        self._language = language
        self._by_stems: dict[tuple[str, ...], GlossaryTerm] = {}
        # Of how many words those are that begin with a stem, since hundreds may.
        self._counts: dict[str, set[int]] = {}
        for term in terms:
            stems = tuple(_stem(word[0], language) for word in _WORD.finditer(term.source))
            self._by_stems[stems] = term
            self._counts.setdefault(stems[0], set()).add(len(stems))

    def find(self, text: str) -> list[Occurrence]:
        """The terms in a text, from its start on, none within another; where several begin the longest counts."""
        words = list(_WORD.finditer(text))
        found: list[Occurrence] = []
        place = 0
        while place < len(words):
            longest = max(self._starting(text, words[place:]), key=lambda each: each[0], default=None)
            if longest is None:
                place += 1
                continue
            count, term = longest
            found.append(Occurrence(term, (words[place].start(), words[place + count - 1].end())))
            place += count
        return found

    def _starting(self, text: str, words: Sequence[regex.Match[str]]) -> Iterator[tuple[int, GlossaryTerm]]:
        """The terms that the words begin with, and of how many words they are."""
        for count in self._counts.get(_stem(words[0][0], self._language), ()):
            here = words[:count]
            term = self._by_stems.get(tuple(_stem(word[0], self._language) for word in here))
            if term is not None and len(here) == count and _alike(text, here, term.source):
                yield count, term


def _alike(text: str, words: Sequence[regex.Match[str]], source: str) -> bool:
    """Capitals where the term has them, and nothing but white space, or what the term has, between the words."""
    own = list(_WORD.finditer(source))
    capitals = all(
        not mine.isupper() or theirs.isupper()
        for word, its in zip(words, own, strict=True)
        for theirs, mine in zip(word[0], its[0], strict=False)
    )
    gaps = [text[one.end() : next_.start()] for one, next_ in pairwise(words)]
    expected = [source[one.end() : next_.start()] for one, next_ in pairwise(own)]
    return capitals and all(
        gap == mine or (gap.isspace() and mine.isspace()) for gap, mine in zip(gaps, expected, strict=True)
    )


def found_forms(forms: Sequence[TargetForm], text: str) -> list[Span]:
    """Where a text has any of the forms, small or with capitals, as words of their own."""
    ways = sorted((_pattern(form) for form in forms), key=len, reverse=True)
    pattern = rf"(?<![\p{{L}}\p{{N}}])(?:{'|'.join(ways)})(?![\p{{L}}\p{{N}}])"
    return [match.span() for match in regex.finditer(pattern, text, regex.V1 | regex.IGNORECASE)]


def in_any_form(word: str, forms: Sequence[TargetForm]) -> bool:
    """Whether a word is in any of the forms, or might be taken for one."""
    own = [TargetForm(word, open_ended=False)]
    return any(found_forms([form], word) or found_forms(own, form.text) for form in forms)


def _pattern(form: TargetForm) -> str:
    words = r"\s+".join(regex.escape(word) for word in form.text.split())
    return words + (r"[\p{L}\p{M}\p{N}]*" if form.open_ended else "")


@lru_cache(maxsize=20_000)
def _stem(word: str, language: str) -> str:
    """The word without its ending, small; the word itself in a language without a stemmer."""
    stemmer = _stemmer(language)
    return word.lower() if stemmer is None else str(stemmer.stemWord(word.lower()))


@cache
def _stemmer(language: str) -> Any:
    name = str(Locale("en").languages.get(language.partition("-")[0], "")).lower()
    return snowballstemmer.stemmer(name) if name in snowballstemmer.algorithms() else None
