"""The inline content of a Markdown block <-> inline content for the pipeline.

A translation is parsed again before it is taken: if its text and formatting are not what they should be, it is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.documents.document import Segment
from service.documents.formats.markdown_events import HARD_BREAKS, IMAGE, Event, block_parser, inline_events
from service.documents.formats.markdown_lines import SPACE, LineLengths, marked
from service.documents.inline import Inline, InlineText, Point, Span, Word
from service.text.segmentation import has_letter

_SPACES = " " + SPACE
_FOOTNOTE = re.compile(r"(\[\^[^\]\s]{1,100}\])")
_SPECIAL = re.compile(r"[\\`*_\[\]<>~$]|&(?=#?\w+;)|!(?=\[)")
_DEFINES = re.compile(r"[:~]\s")  # behind another paragraph
_STARTS_BLOCK = re.compile(r"[#>+\-=|]|:(?=\s|::)|!!!|\?\?\?|\d{1,9}(?=[.)])")
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*)")
_DEEPEST = 32
_AS_HTML = {"*": "em", "_": "em", "**": "strong", "__": "strong", "~~": "del"}


@dataclass(frozen=True)
class Syntax:
    """How formatting is written: in front of what is inside, and behind it."""

    open: str
    close: str = ""


class MarkdownInline:
    """The content of a block. segment: what to translate of it; None if nothing. block: whether it is a paragraph, so
    that its first characters must not begin anything else. alone: whether it is all of a block; what is only a line of
    one is always escaped, or it could make formatting together with another line. newline: how a line of the document
    ends, with what the next one begins with; empty where there is but one."""

    def __init__(self, source: str, env: dict[str, Any], *, block: bool, alone: bool = True, newline: str = "") -> None:
        self._env = env
        self._block = block
        self._alone = alone
        self._newline = newline
        self._lengths = LineLengths(source.split("\n"))
        content = _parse(source, env)
        self._inline = InlineText(content) if content is not None and has_letter(_text(content)) else None

    @property
    def segment(self) -> Segment | None:
        """See above."""
        return None if self._inline is None else self._inline.segment

    def written(self, translation: str) -> str:
        """The translation of the segment as Markdown."""
        assert self._inline is not None
        content = self._inline.parse(translation)
        meant = list(_signature(content))

        def means_that(source: str) -> bool:
            parsed = _parse(source.strip(), self._env)  # as a block does, so that a break at its end is none
            return parsed is not None and list(_signature(parsed)) == meant and self._stays(source)

        for escaped in (False, True) if self._alone else (True,):
            source = _written(content, escaped=escaped)
            if means_that(source):
                break
        else:
            return _written(content, escaped=True, as_html=True)
        if self._newline and SPACE not in translation:
            lines = self._lengths.broken(_written(_marked(content), escaped=escaped))
            if means_that("\n".join(lines)):
                return self._newline.join(lines)
        return source

    def _stays(self, source: str) -> bool:
        if not self._block:
            return True
        if _DEFINES.match(source):
            return False
        tokens = block_parser().parse(source, {})
        return [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]


def hard_breaks(source: str, env: dict[str, Any]) -> int:
    """How many lines end where the source says so; -1 if one does so inside of formatting."""
    broken = sum(event.kind == "point" and event.source in HARD_BREAKS for event in inline_events(source, env))
    content = _parse(source, env) or ()
    outside = sum(isinstance(each, Point) and each.key.open in HARD_BREAKS for each in content)
    return broken if broken == outside else -1


def _parse(source: str, env: dict[str, Any]) -> list[Inline[Syntax]] | None:
    """The content; None if it is nested deeper than anybody writes."""
    return _tree(list(inline_events(source, env)))


def _with_footnotes(text: str) -> Iterator[Inline[Syntax]]:
    for index, part in enumerate(_FOOTNOTE.split(text)):
        if part:
            yield Word(Syntax(part)) if index % 2 else part


def _tree(events: Sequence[Event]) -> list[Inline[Syntax]] | None:
    partners = _partners(events)
    levels: list[list[Inline[Syntax]]] = [[]]
    for index, event in enumerate(events):
        if event.kind == "text":
            levels[-1].append(event.source)
        elif event.kind == "raw":
            levels[-1] += _with_footnotes(event.source)
        elif event.kind == "word":
            levels[-1].append(Word(Syntax(event.source)))
        elif event.kind == "image":
            levels[-1].append(Point(Syntax(IMAGE, event.source), event.text))
        elif index not in partners:
            levels[-1].append(Point(Syntax(event.source)))
        elif partners[index] > index:
            levels.append([])
            if len(levels) > _DEEPEST:
                return None
        else:
            inside = levels.pop()
            levels[-1].append(Span(Syntax(events[partners[index]].source, event.source), tuple(inside)))
    return levels[0]


def _partners(events: Sequence[Event]) -> dict[int, int]:
    """Which event closes which, both ways; tags of HTML only where they are beside each other in the same element."""
    partners: dict[int, int] = {}
    opened: list[tuple[int, str]] = []
    for index, event in enumerate(events):
        tag = _TAG.match(event.source) if event.kind == "html" else None
        if event.kind == "open" or (tag and not tag[1]):
            opened.append((index, tag[2].lower() if tag else ""))
            continue
        name = tag[2].lower() if tag else ""
        if event.kind == "close":
            while opened and opened[-1][1]:
                opened.pop()
        if (event.kind == "close" or tag) and opened and opened[-1][1] == name:
            start, _name = opened.pop()
            partners[start], partners[index] = index, start
    return partners


def _marked(content: Sequence[Inline[Syntax]]) -> tuple[Inline[Syntax], ...]:
    """With the mark for spaces where a line may end."""
    return tuple(
        marked(each)
        if isinstance(each, str)
        else replace(each, inside=_marked(each.inside))
        if isinstance(each, Span)
        else each
        for each in content
    )


def _written(content: Sequence[Inline[Syntax]], *, escaped: bool, as_html: bool = False) -> str:
    source = _joined(content, escaped=escaped, as_html=as_html).strip(_SPACES)
    if escaped and (start := _STARTS_BLOCK.match(source)):
        source = _escape(start) + source[start.end() :]
    return source


def _joined(content: Sequence[Inline[Syntax]], *, escaped: bool, as_html: bool) -> str:
    parts: list[str] = []
    for each in content:
        if isinstance(each, str):
            parts.append(_SPECIAL.sub(r"\\\g<0>", each) if escaped else each)
        elif isinstance(each, Span):
            inside = _joined(each.inside, escaped=escaped, as_html=as_html)
            name = _AS_HTML.get(each.key.open) if as_html else None
            parts.append(f"<{name}>{inside}</{name}>" if name else each.key.open + inside + each.key.close)
        elif each.key.open in HARD_BREAKS:
            parts = ["".join(parts).rstrip(_SPACES), "<br>" if as_html else each.key.open]
        else:
            text = each.text if isinstance(each, Point) else ""
            parts.append(each.key.open + (_SPECIAL.sub(r"\\\g<0>", text) if escaped else text) + each.key.close)
    return "".join(parts)


def _escape(match: re.Match[str]) -> str:
    return f"{match[0]}\\" if match[0].isdecimal() else f"\\{match[0]}"


def _signature(content: Sequence[Inline[Syntax]]) -> Iterator[tuple[str, str]]:
    """What has to be the same of two contents that are written differently: formatting, and words."""
    text = ""
    for each in [*content, None]:
        if isinstance(each, str):
            text += each
            continue
        if text.strip():
            yield "text", " ".join(text.split())
        text = ""
        if each is None:
            return
        yield type(each).__name__, each.key.open + (each.text if isinstance(each, Point) else "") + each.key.close
        if isinstance(each, Span):
            yield from _signature(each.inside)
            yield "end", ""


def _text(content: Sequence[Inline[Syntax]]) -> str:
    """All that is read."""
    return " ".join(
        each
        if isinstance(each, str)
        else _text(each.inside)
        if isinstance(each, Span)
        else each.text
        if isinstance(each, Point)
        else ""
        for each in content
    )
