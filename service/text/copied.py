"""Numbers, symbols and names: what a translation has as its source has it, though a model may write something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import regex

from service.text.edits import Span
from service.text.identifiers import identifiers, lost_identifiers

# Groups of digits, as in 12.05.2021, 1,234.5, 10:30, 10-20; and what is written together with them, as in x86 and R0.
_NUMBER = regex.compile(
    r"(?<![\w.,:/\-])(?P<thousands>\d{1,3}(?P<mark>[ \u00a0\u202f.,'’])\d{3}(?:(?P=mark)\d{3})*)"
    r"(?P<rest>(?!(?P=mark))[.,]\d+)?(?!\d)(?![.,:/\-]\d)|"
    r"\d+(?:[.,:/\-\u2010-\u2014\u2212'’]\d+)*"
)
_DIGITS = regex.compile(r"\d+")
# "&" is not among these, since it is translated.
_SYMBOLS = regex.compile(r"[<>=+*|\\^~@#$€£¥%©®™°±×÷≤≥≠→←↑↓•§]+")
_TOGETHER = regex.compile(r"[\p{Latin}0-9_]")
_LONG = 4  # digits


def copied(text: str) -> Counter[str]:
    """Numbers, whatever separates their groups of digits, runs of symbols, and identifiers: how often each is there."""
    return _exact(text) + Counter(name for name, _span in identifiers(text))


def numbers(text: str) -> Counter[str]:
    """The numbers of `copied`."""
    return Counter(name for name, _span in _numbers(text))


def missing(source: str, target: str) -> Counter[str]:
    """What `target` lacks of what it should have copied."""
    return _exact(source) - _exact(target) + lost_identifiers(source, target)


def is_certain(name: str) -> bool:
    """Whether nobody would write it otherwise: a symbol, an identifier, or a number of four digits or of several
    groups. Of a short one that is not sure: "2 files" may be "two files"."""
    return not name[0].isdecimal() or "." in name or len(name) >= _LONG


def spans_of(text: str, names: Counter[str]) -> list[Span]:
    """Where these stand, with Latin letters and digits right beside them."""
    spans: list[Span] = []
    if not names:
        return spans
    for name, (start, end) in (*_found(text), *identifiers(text)):
        if name in names:
            while start and _TOGETHER.match(text[start - 1]):
                start -= 1
            while end < len(text) and _TOGETHER.match(text[end]):
                end += 1
            spans.append((start, end))
    return spans


def _exact(text: str) -> Counter[str]:
    return Counter(name for name, _span in _found(text))


def _found(text: str) -> Iterator[tuple[str, Span]]:
    yield from _numbers(text)
    for match in _SYMBOLS.finditer(text):
        yield match[0], match.span()


def _numbers(text: str) -> Iterator[tuple[str, Span]]:
    for match in _NUMBER.finditer(text):
        groups = _DIGITS.findall(match["rest"] or "" if match["thousands"] else match[0])
        if match["thousands"]:
            groups.insert(0, "".join(_DIGITS.findall(match["thousands"])))
        yield ".".join(groups), match.span()
