"""Plain text that was broken into lines of one width: which lines are one text, and the lines of its translation.

No line is joined to another unless the text shows by itself that it was broken like that: sentences go on from one line
to the next, and nearly all lines at which they do are as full as they can be. Headings, lists, tables, verse, addresses
and files with a sentence, a message or an item in each line stay line by line.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from service.text.segmentation import end_of_markers, has_letter

_LINE = regex.compile(r"[^\n\r]+")
_NEWLINES = ("\n", "\r\n", "\r")
_INDENTED = regex.compile(r"[ \t\u00a0\u3000]*")
# What only columns have; two spaces behind a sentence are as typewriters had it.
_COLUMNS = regex.compile(r"(?<![.!?:;…\"'”»)]) {2,}|[\p{Cc}\p{Zl}\p{Zp}]")
_ENDS_SENTENCE = regex.compile(r"[.!?:;…][\"'”»)\]]*$")
_BROKEN_WORD = regex.compile(r"\p{L}[-\u00ad\u2010]$")
_BEGINS_INSIDE = regex.compile(r"\p{Ll}")
_NARROWEST = 50
# Of the places where a sentence goes on in the next line: so many tell that lines have a width, of which this share may
# be wider, and in so many of them the line has to be full.
_LEAST_PLACES = 2
_WIDER_SHARE = 0.05
_FULL_SHARE = 0.8
# Some programs even lines out, and leave more room than the next word takes: this part of a line.
_EVENED_OUT = 1 / 8
# A longer word than this part of a line says nothing of how full the line before it is.
_WORDS_IN_A_LINE = 3
# A paragraph without an end is no paragraph.
_MOST_CHARACTERS = 10_000


@dataclass(frozen=True)
class Line:
    """[start, end) of the text without white space at its end. words: without indent and without what marks an item."""

    start: int
    end: int
    indent: str
    marker: str
    words: str

    @property
    def width(self) -> int:
        """Columns."""
        return self.end - self.start


def lines_of(text: str) -> list[Line]:
    """All lines that are not empty."""
    lines = []
    for match in _LINE.finditer(text):
        whole = match[0].rstrip()
        indented = _INDENTED.match(whole)
        assert indented is not None
        marked = max(end_of_markers(whole), indented.end())
        lines.append(
            Line(
                match.start(),
                match.start() + len(whole),
                indented[0],
                whole[indented.end() : marked],
                whole[marked:],
            )
        )
    return lines


def paragraphs(text: str, lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines that are one text, most of them one by one."""
    width = _width(text, lines)
    group: list[Line] = []
    for line in lines:
        if group and not (width and _joins(text, group, line, width)):
            yield from _sure(group)
            group = []
        group.append(line)
    if group:
        yield from _sure(group)


class Wrapped:
    """A paragraph of several lines. text: its words, one space between lines."""

    def __init__(self, text: str, lines: Sequence[Line]) -> None:
        first, second, last = lines[0], lines[1], lines[-1]
        self.start = first.end - len(first.words)
        self.end = last.end
        self.text = " ".join(line.words for line in lines)
        self._source = text[self.start : self.end]
        self._newline = text[first.end : second.start]
        self._wrapper = textwrap.TextWrapper(
            width=max(line.width for line in lines),
            initial_indent=" " * (self.start - first.start),
            subsequent_indent=second.indent,
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def written(self, translation: str) -> str:
        """Lines no longer than the longest of the paragraph, where words allow it."""
        if translation == self.text:
            return self._source
        return self._newline.join(self._wrapper.wrap(translation)).lstrip(" ")


def _width(text: str, lines: Sequence[Line]) -> int:
    """Of the lines that the text was broken into; 0 if it does not show that it was."""
    pairs = [pair for pair in itertools.pairwise(lines) if _next(text, *pair) and _goes_on(*pair)]
    if len(pairs) < _LEAST_PLACES:
        return 0
    widths = sorted(line.width for line, _following in pairs)
    width = widths[math.ceil((1 - _WIDER_SHARE) * len(widths)) - 1]
    full = sum(_is_full(*pair, width) for pair in pairs)
    return width if width >= _NARROWEST and full >= _FULL_SHARE * len(pairs) else 0


def _next(text: str, line: Line, following: Line) -> bool:
    """Whether one may follow the other in a paragraph."""
    return (
        text[line.end : following.start] in _NEWLINES
        and not following.marker
        and " " in line.words
        and all(has_letter(each.words) and not _COLUMNS.search(each.words) for each in (line, following))
        and not _BROKEN_WORD.search(line.words)
    )


def _goes_on(line: Line, following: Line) -> bool:
    """Whether a sentence does."""
    return not _ENDS_SENTENCE.search(line.words) and _BEGINS_INSIDE.match(following.words) is not None


def _is_full(line: Line, following: Line, width: int) -> bool:
    word = min(len(following.words.split(maxsplit=1)[0]), width // _WORDS_IN_A_LINE)
    return line.width + 1 + word > width * (1 - _EVENED_OUT)


def _joins(text: str, group: Sequence[Line], line: Line, width: int) -> bool:
    before = group[-1]
    if len(group) > 1:
        aligned = line.indent == before.indent
    elif before.marker:
        aligned = line.indent in (before.indent, before.indent + " " * len(before.marker))
    else:  # the first line may be indented further
        aligned = before.indent.startswith(line.indent)
    return (
        aligned
        and _next(text, before, line)
        and _is_full(before, line, width)
        and line.end - group[0].start <= _MOST_CHARACTERS
    )


def _sure(group: list[Line]) -> Iterator[list[Line]]:
    """The group, if in half of its places at least a sentence goes on; else its lines one by one."""
    pairs = list(itertools.pairwise(group))
    if 2 * sum(_goes_on(*pair) for pair in pairs) >= len(pairs):
        yield group
    else:
        yield from ([line] for line in group)
