"""Inline formatting of any format <-> the HTML that the pipeline puts back by alignment.

A span becomes <span id=N>, a point <wbr id=N>, a word <var id=N></var>, which the pipeline keeps as a placeholder. What
comes back has each of them once, nested as before. What is read of a point, such as the text for an image, is the `alt`
of an <img>, or of an <area> where the point is at an end, since that is in no text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from service.documents.document import Segment
from service.text.attributes import quoted
from service.text.html_tokens import HtmlToken, html_tokens
from service.text.references import unescaped

Key = TypeVar("Key")

_NUMBER = re.compile(r'id="(\d+)"')
_ALT = re.compile(r' alt="([^"]*)"')
_SPACES = " \t\r\n"  # of which several in a row are one in HTML
_EDGE = re.compile(r"(?:<area [^>]*>)+")


@dataclass(frozen=True)
class Span(Generic[Key]):
    """Formatting around what is inside."""

    key: Key
    inside: tuple[Inline[Key], ...]


@dataclass(frozen=True)
class Point(Generic[Key]):
    """What has a place, but is no word: an anchor, an image. text: what is read in its stead, and translated."""

    key: Key
    text: str = ""


@dataclass(frozen=True)
class Word(Generic[Key]):
    """What stands in a sentence like a word and is not translated."""

    key: Key


Inline = str | Span[Key] | Point[Key] | Word[Key]
Loose = Callable[[Key], bool]


class InlineText(Generic[Key]):
    """Inline content as a segment, and the segment's translation as inline content.

    Points at either end stay there, and a span around everything stays around everything: of neither is anything but
    the text of the points in the segment. So do spaces, as many as they are, out of spans that are `loose` too: those
    in which a space looks as it does anywhere.
    """

    def __init__(self, content: Sequence[Inline[Key]], loose: Loose[Key] = lambda key: False) -> None:
        self._keys: list[Key] = []
        self._peel, content = _peeled(tuple(content), loose)
        edges = "".join(f"<area alt={quoted(text)}>" for text in _texts(self._peel))
        if not edges and all(isinstance(each, str) for each in content):
            self.segment = Segment("".join(map(str, content)))
        else:
            self.segment = Segment(edges + "".join(self._written(content)), "html")

    def parse(self, text: str) -> tuple[Inline[Key], ...]:
        """The content of a translation of `segment`."""
        if self.segment.format == "text":
            return _unpeeled(self._peel, (text,), iter(()))
        edges = match[0] if (match := _EDGE.match(text)) else ""
        found = tuple(_content(iter(html_tokens(text[len(edges) :])), self._keys))
        if _count(found) != len(self._keys):
            raise AssertionError("the pipeline promises that every tag comes back once")
        return _unpeeled(self._peel, found, iter([unescaped(text) for text in _ALT.findall(edges)]))

    def _written(self, content: Sequence[Inline[Key]]) -> Iterator[str]:
        for each in content:
            if isinstance(each, str):
                yield html.escape(each, quote=False)
                continue
            number = len(self._keys)
            self._keys.append(each.key)
            if isinstance(each, Span):
                yield f'<span id="{number}">'
                yield from self._written(each.inside)
                yield "</span>"
            elif isinstance(each, Word):
                yield f'<var id="{number}"></var>'
            else:
                yield f'<img id="{number}" alt={quoted(each.text)}>' if each.text else f'<wbr id="{number}">'


def _content(tokens: Iterator[HtmlToken], keys: Sequence[Key]) -> Iterator[Inline[Key]]:
    for token in tokens:
        number = _NUMBER.search(token.source)
        if token.kind == "start" and number:
            key = keys[int(number[1])]
            if token.name == "span":
                yield Span(key, tuple(_content(tokens, keys)))
            elif token.name == "var":
                next(tokens)
                yield Word(key)
            else:
                alt = _ALT.search(token.source)
                yield Point(key, unescaped(alt[1]) if alt else "")
        elif token.kind == "end":
            return
        else:
            yield unescaped(token.source)


def _count(content: Sequence[Inline[Key]]) -> int:
    return sum(
        1 + _count(each.inside) if isinstance(each, Span) else 1 for each in content if not isinstance(each, str)
    )


@dataclass(frozen=True)
class _Peel(Generic[Key]):
    """What was around the content: points, with white space between them, and a span if there is a `key`."""

    before: tuple[Inline[Key], ...]
    after: tuple[Inline[Key], ...]
    key: tuple[Key, ...] = ()


def _peeled(content: tuple[Inline[Key], ...], loose: Loose[Key]) -> tuple[list[_Peel[Key]], tuple[Inline[Key], ...]]:
    peel: list[_Peel[Key]] = []
    while True:
        alone = len(kept := [each for each in content if not _is_edge(each)]) == 1 and isinstance(kept[0], Span)
        if not alone:
            content = _spaces_apart(content, loose)
        first, last = 0, len(content)
        while first < last and _is_edge(content[first]):
            first += 1
        while last > first and _is_edge(content[last - 1]):
            last -= 1
        before, content, after = content[:first], content[first:last], content[last:]
        if len(content) == 1 and isinstance(content[0], Span):
            peel.append(_Peel(before, after, (content[0].key,)))
            content = content[0].inside
        elif before or after:
            peel.append(_Peel(before, after))
        else:
            return peel, content


def _spaces_apart(content: tuple[Inline[Key], ...], loose: Loose[Key]) -> tuple[Inline[Key], ...]:
    """With the spaces at either end as a text of its own, out of loose spans: in HTML they are as much as one space."""
    content, before = _without_spaces(content, 0, loose)
    content, after = _without_spaces(content, -1, loose)
    return (*((before,) if before else ()), *content, *((after,) if after else ()))


def _without_spaces(
    content: tuple[Inline[Key], ...], end: Literal[0, -1], loose: Loose[Key]
) -> tuple[tuple[Inline[Key], ...], str]:
    """The content without the spaces at that end, and those; what is nothing but white space stays."""
    if not content:
        return content, ""
    changed: Inline[Key] = content[end]
    spaces = ""
    if isinstance(changed, str) and changed.strip():
        rest = changed.strip(_SPACES)
        spaces = changed[: changed.index(rest)] if end == 0 else changed[changed.index(rest) + len(rest) :]
        changed = changed.removeprefix(spaces) if end == 0 else changed.removesuffix(spaces)
    elif isinstance(changed, Span) and loose(changed.key):
        inside, spaces = _without_spaces(changed.inside, end, loose)
        changed = Span(changed.key, inside)
    return ((changed, *content[1:]) if end == 0 else (*content[:-1], changed)), spaces


def _is_edge(each: Inline[Key]) -> bool:
    return isinstance(each, Point) or _is_blank(each)


def _is_blank(each: Inline[Key]) -> bool:
    """White space, formatted or not: underlined, it is a line to fill in."""
    if isinstance(each, Span):
        return all(map(_is_blank, each.inside))
    return isinstance(each, str) and not each.strip()


def _texts(peel: Sequence[_Peel[Key]]) -> Iterator[str]:
    """Of its points, from the innermost to the outermost."""
    for around in reversed(peel):
        yield from (each.text for each in (*around.before, *around.after) if isinstance(each, Point) and each.text)


def _unpeeled(
    peel: Sequence[_Peel[Key]], content: tuple[Inline[Key], ...], texts: Iterator[str]
) -> tuple[Inline[Key], ...]:
    """texts: of its points, in the order of `_texts`."""
    for around in reversed(peel):
        edges = [
            replace(each, text=next(texts)) if isinstance(each, Point) and each.text else each
            for each in (*around.before, *around.after)
        ]
        before, after = edges[: len(around.before)], edges[len(around.before) :]
        content = (*before, *((Span(around.key[0], content),) if around.key else content), *after)
    return content
