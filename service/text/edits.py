"""A text with parts replaced, and where its characters have come to stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Span = tuple[int, int]
_BLANK = "\0"  # neither a word nor white space


def shifted(span: Span, by: int) -> Span:
    """The same stretch, so many characters further."""
    return span[0] + by, span[1] + by


def blanked(text: str, spans: Sequence[Span]) -> str:
    """The text, as long as it was, with nothing to be read at `spans`: no word, number, symbol or white space."""
    for start, end in spans:
        text = text[:start] + _BLANK * (end - start) + text[end:]
    return text


def without(text: str, spans: Sequence[Span]) -> str:
    """The text without what is at `spans`, which are in order and do not overlap."""
    return EditedText(text, [Edit(*span, "") for span in spans]).text


@dataclass(frozen=True, slots=True)
class Edit:
    """[start, end) of a text is to become `text`."""

    start: int
    end: int
    text: str


class EditedText:
    """`before` after `edits`, which are in order and do not overlap. A span of what was replaced maps to all of what
    replaced it."""

    def __init__(self, before: str, edits: Sequence[Edit]) -> None:
        self.edits = tuple(edits)
        parts: list[str] = []
        self._starts: list[int] = []  # of each edit, in `before`
        self._moved: list[Span] = []  # where it lies in `text`
        done = length = 0
        for edit in edits:
            if edit.start < done or edit.end < edit.start:
                raise ValueError(f"edits: {edit} overlaps the one before it")
            parts += [before[done : edit.start], edit.text]
            length += edit.start - done
            self._starts.append(edit.start)
            self._moved.append((length, length + len(edit.text)))
            length += len(edit.text)
            done = edit.end
        parts.append(before[done:])
        self.text = "".join(parts)

    @property
    def moved(self) -> tuple[Span, ...]:
        """Where each edit's text lies in `text`."""
        return tuple(self._moved)

    def span(self, before: Span) -> Span:
        """Where [start, end) of `before` lies in `text`."""
        if not self._starts:
            return before
        start, end = before
        return self._position(start, inside=0), self._position(end, inside=1)

    def _position(self, position: int, *, inside: int) -> int:
        """inside: whether a place within a replaced part is its start (0) or its end (1) now. What begins right at the
        end of a span is behind it."""
        find = bisect_left if inside else bisect_right
        index = find(self._starts, position) - 1
        if index < 0:
            return position
        edit = self.edits[index]
        if position < edit.end:
            return self._moved[index][inside]
        return self._moved[index][1] + position - edit.end
