"""What every reader of a corpus yields: a sentence pair, or the place and reason of a line that is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

BadReason = Literal[
    "invalid_utf8",
    "not_two_columns",
    "missing_column",
    "missing_language",
    "undefined_entity",
    "other_language",
    "obsolete",
    "fuzzy",
    "untranslated",
    "unknown_plural",
    "paragraphs_differ",
    "no_description",
    "no_counterpart",
]


@dataclass(frozen=True, slots=True)
class SentencePair:
    """One text in two languages (or styles, or text and summary), as the corpus has it."""

    left: str
    right: str


@dataclass(frozen=True)
class BadLine:
    """A place in a corpus that gives no pair. where: file and line, unit or entry; reason: a counter key."""

    where: str
    reason: BadReason


Items: TypeAlias = Iterator[SentencePair | BadLine]
