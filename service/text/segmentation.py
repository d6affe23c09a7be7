"""Cuts text of any length into what the model is given and what is kept as it is; nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import regex
import sentencex

from service.text.casing import has_own_case
from service.text.clauses import clauses

# Control characters (newlines, tabs, NUL), line and paragraph separators, and the spaces between columns end a line and
# never reach the model, which would write one space for them.
_LINE = regex.compile(r"(?:[\p{Cc}\p{Zl}\p{Zp}]| {3,})+|(?:(?! {3})[^\p{Cc}\p{Zl}\p{Zp}])+")
_LETTER = regex.compile(r"\p{L}")
# What stands before the text of a list item, a quotation, a heading, a line of dialogue; up to three, as in "> - a".
_MARKERS = regex.compile(r"\s*(?:(?:[-*+•◦▪‣·–—>]|#{1,6}|\d{1,3}[.)]|\((?:\d{1,3}|\p{L})\)|\p{L}\)|\[[ xX]\])\s+){1,3}")
_MARK = regex.compile(r"[\p{M}\u200d]")
_GRAPHEME = regex.compile(r"\X")
# Where a sentence that is too long may end: behind punctuation, else behind white space. A mark or joiner that
# follows would belong to the same grapheme.
_NO_MARK = r"(?![\p{M}\u200d])"
_BREAKS = (
    regex.compile(rf"(?:[.!?…]['\"»”)]*\s+|[。！？]){_NO_MARK}"),
    regex.compile(rf"(?:[;:,)\u2013\u2014]\s+|[；：，、]){_NO_MARK}"),
    regex.compile(rf"\s+{_NO_MARK}"),
)
# The sentence splitter is a little worse than linear on odd input, so it is given lines in parts of this length.
_PART_CHARACTERS = 10_000
# Characters of a window, per token: longer than any real text's ratio, so that a window is nearly always too long.
_CHARACTERS_PER_TOKEN = 8
_LONGEST_GRAPHEME = 64


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: `translate` says whether the model is given it or it is copied. goes_on: whether it is a
    clause, behind which the sentence goes on. names: whether capitals throughout it are those of names, since it is a
    clause of a sentence that has small letters too."""

    text: str
    translate: bool
    goes_on: bool = False
    names: bool = False


@dataclass(frozen=True, slots=True)
class ClauseRule:
    """A sentence of more than so many `tokens` is cut between clauses (clauses.py); 0 for none. uncut: of a
    sentence and of where it begins in the text, within which stretches it is not."""

    tokens: int = 0
    semicolons: bool = True
    uncut: Callable[[str, int], Iterable[tuple[int, int]]] = lambda _sentence, _start: ()


def split_text(
    text: str,
    *,
    language: str,
    count_tokens: Callable[[str], int],
    max_tokens: int,
    clause_rule: ClauseRule = ClauseRule(),
) -> list[Piece]:
    """Pieces that concatenate to exactly `text`.

    Newlines, other control characters, spaces between columns, markers of list items and the like at the start of a
    line, white space around sentences, and sentences without a letter are copied. The rest is cut into sentences by
    the rules of `language` (the library falls back to English ones), and those between clauses by `clause_rule`, where
    the marks between them are copied. What has more than `max_tokens` is cut further: behind punctuation, else behind
    white space, else between two graphemes (inside one only where it is too long by itself). Time is linear in the
    length of `text`.

    Args:
        count_tokens: tokens of a text; at most one more than its bytes in UTF-8.
        max_tokens: at least 5, so that any single character fits.
    """
    if max_tokens < 5:
        raise ValueError(f"max_tokens: {max_tokens} is below 5, the most that one character takes")
    pieces: list[Piece] = []
    for match in _LINE.finditer(text):
        line, start = match[0], match.start()
        if not _LETTER.search(line):
            _append(pieces, line, translate=False)
            continue
        if end := end_of_markers(line):
            _append(pieces, line[:end], translate=False)
        start += end
        for sentence in sentences(line[end:], language):
            parts = _clauses(sentence, start, count_tokens, clause_rule)
            _append_sentence(pieces, sentence, parts, count_tokens, max_tokens)
            start += len(sentence)
    return pieces


def end_of_markers(line: str) -> int:
    """Where the text of a line begins, behind what marks it as an item of a list, a quotation, a heading."""
    markers = _MARKERS.match(line)
    return markers.end() if markers else 0


def has_letter(text: str) -> bool:
    """Whether there is anything to translate."""
    return _LETTER.search(text) is not None


def _append(pieces: list[Piece], text: str, *, translate: bool) -> None:
    """Add a piece; copied neighbours become one."""
    if not text:
        return
    if not translate and pieces and not pieces[-1].translate:
        pieces[-1] = Piece(pieces[-1].text + text, translate=False)
    else:
        pieces.append(Piece(text, translate))


def _clauses(sentence: str, start: int, count_tokens: Callable[[str], int], rule: ClauseRule) -> Iterable[str]:
    """Clauses and the marks between them in turn. start: where the text has the sentence."""
    if not rule.tokens:
        return [sentence]
    uncut = partial(rule.uncut, sentence, start)
    return clauses(sentence, count_tokens, rule.tokens, semicolons=rule.semicolons, uncut=uncut)


def _append_sentence(
    pieces: list[Piece], sentence: str, parts: Iterable[str], count_tokens: Callable[[str], int], max_tokens: int
) -> None:
    """Add what the model is given of a sentence, and what stands between its clauses. parts: these in turn."""
    *before, last = parts
    names = bool(before) and not has_own_case(sentence)
    for clause, mark in zip(before[::2], before[1::2], strict=True):
        _append_fitting(pieces, Piece(clause, translate=True, goes_on=True, names=names), count_tokens, max_tokens)
        _append(pieces, mark, translate=False)
    _append_fitting(pieces, Piece(last, translate=True, names=names), count_tokens, max_tokens)


def _append_fitting(pieces: list[Piece], clause: Piece, count_tokens: Callable[[str], int], max_tokens: int) -> None:
    """Add what the model is given of a sentence or clause, and the white space around it."""
    for part in _fitting_parts(clause.text, count_tokens, max_tokens):
        core = part.strip()
        if not _LETTER.search(core):
            _append(pieces, part, translate=False)
            continue
        start = part.index(core)
        _append(pieces, part[:start], translate=False)
        pieces.append(replace(clause, text=core))
        _append(pieces, part[start + len(core) :], translate=False)


def sentences(line: str, language: str) -> Iterator[str]:
    """Sentences of a line with the white space behind them."""
    for part in _line_parts(line):
        sentences: list[str] = list(sentencex.segment(language, part))
        if "".join(sentences) != part:  # the library does not promise to be lossless, so it is not relied on
            sentences = [part]
        first = 0
        for index in range(1, len(sentences) + 1):
            if index == len(sentences) or not _MARK.match(sentences[index]):
                yield "".join(sentences[first:index])
                first = index


def _fitting_parts(sentence: str, count_tokens: Callable[[str], int], max_tokens: int) -> Iterator[str]:
    """Parts of a sentence, each of at most `max_tokens` without the white space around it."""

    def tokens(text: str) -> int:
        core = text.strip()
        most = len(core.encode()) + 1
        return most if most <= max_tokens else count_tokens(core)

    start = 0
    while start < len(sentence):
        window = sentence[start : start + max_tokens * _CHARACTERS_PER_TOKEN]
        size = len(window)
        while size > 1 and (needed := tokens(window[:size])) > max_tokens:
            size = max(1, min(size - 1, size * max_tokens // needed))
        end = start + size
        if end < len(sentence):
            end = start + _break_position(sentence[start : end + _LONGEST_GRAPHEME], size)
        yield sentence[start:end]
        start = end


def _line_parts(line: str) -> Iterator[str]:
    """Parts of a line that the sentence splitter takes in good time."""
    start = 0
    while len(line) - start > _PART_CHARACTERS:
        end = start + _break_position(line[start : start + _PART_CHARACTERS + _LONGEST_GRAPHEME], _PART_CHARACTERS)
        yield line[start:end]
        start = end
    yield line[start:]


def _break_position(text: str, size: int) -> int:
    """The best place, in 1..size, to cut `text`: late, but at a natural end if the second half has one."""
    for pattern in _BREAKS:
        found: list[int] = [match.end() for match in pattern.finditer(text, size // 2) if match.end() <= size]
        if found:
            return found[-1]
    boundary = 0
    for match in _GRAPHEME.finditer(text):
        if match.end() > size:
            break
        boundary = match.end()
    return boundary or size
