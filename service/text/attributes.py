"""Attributes of HTML that people read: which there are, and HTML with others in their places."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.entities import html5

import regex

from service.text.edits import Edit, EditedText, Span
from service.text.html_tokens import TokenKind, html_tokens
from service.text.markup import units
from service.text.references import unescaped

_OF_ANY = frozenset({"title", "aria-label"})
_OF_ELEMENT = {
    "img": frozenset({"alt"}),
    "area": frozenset({"alt"}),
    "input": frozenset({"alt", "placeholder"}),
    "textarea": frozenset({"placeholder"}),
}
# What they call "title" is the name of a set of styles.
_NONE = frozenset({"link", "style", "script"})
# As an HTML parser reads a tag.
_TAG = regex.compile(r"<([A-Za-z][^ \t\n\r\f/>]*)")
_ATTRIBUTE = regex.compile(
    r"""[ \t\n\r\f/]*+(=?[^ \t\n\r\f/>=]++)"""
    r"""(?:[ \t\n\r\f]*+=[ \t\n\r\f]*+("[^"]*+"|'[^']*+'|(?!["'])[^ \t\n\r\f>]++))?+"""
)
_REFERENCE = regex.compile(r"&(?:#[0-9]++;?|#[xX][0-9a-fA-F]++;?|[A-Za-z0-9]++(?:;|(?![=A-Za-z0-9])))")
# A value that never ends: no quote behind it begins another.
_UNENDED = regex.compile(r"""[ \t\n\r\f]*+=[ \t\n\r\f]*+["']""")
_LETTER = regex.compile(r"\p{L}")
# An emoji by its name is none to translate.
_NAME = regex.compile(r"\s*:[\w+-]+:\s*")


@dataclass(frozen=True, slots=True)
class Attribute:
    """The value of an attribute. span: of the source, quotes included. text: as characters."""

    span: Span
    text: str


def readable_attributes(source: str) -> list[Attribute]:
    """Those that people read, in order, of tags that do not say translate="no" and are in no element that is kept as it
    is: `alt`, `title`, `placeholder`, `aria-label`, and `content` of `<meta name="description">`."""
    found: list[Attribute] = []
    start = 0
    for unit in units(html_tokens(source)):
        if not unit.hidden and (tag := _TAG.match(unit.source)):
            found += _readable(tag[1].lower(), list(_attributes(unit.source, tag.end())), start)
        start += len(unit.source)
    return found


def with_attributes(source: str, texts: Sequence[tuple[Attribute, str]]) -> str:
    """`source` with other texts in place of attributes, in order; one that stays the same is not touched. None is
    where the quotes around them would end a value that never ended before, so that other tags were read."""
    edits = [Edit(*each.span, quoted(text)) for each, text in texts if text != each.text]
    written = EditedText(source, edits).text
    return written if _read(written) == _read(source) else source


def quoted(text: str) -> str:
    """The value of an attribute, as it is written."""
    return '"' + html.escape(text, quote=False).replace('"', "&quot;").replace("\u00a0", "&nbsp;") + '"'


def _read(source: str) -> list[tuple[TokenKind, str]]:
    """What a parser makes of it, but for what is in its tags."""
    return [(token.kind, token.source if token.kind == "text" else token.name) for token in html_tokens(source)]


def _readable(element: str, attributes: Sequence[tuple[str, Span, str]], start: int) -> Iterator[Attribute]:
    wanted = frozenset() if element in _NONE else _OF_ANY | _OF_ELEMENT.get(element, frozenset())
    if element == "meta" and any(
        name == "name" and value.lower() == "description" for name, _span, value in attributes
    ):
        wanted = frozenset({"content"})
    for name, span, value in attributes:
        if name in wanted and _LETTER.search(value) and not _NAME.fullmatch(value):
            yield Attribute((start + span[0], start + span[1]), value)


def _attributes(tag: str, place: int) -> Iterator[tuple[str, Span, str]]:
    """Name, span of the value and value of those that have one."""
    while match := _ATTRIBUTE.match(tag, place):
        place = match.end()
        if not match[2] and _UNENDED.match(tag, place):
            return
        if match[2]:
            quoted = match[2][0] in "\"'"
            yield match[1].lower(), match.span(2), _unescaped(match[2][1:-1] if quoted else match[2])


def _unescaped(value: str) -> str:
    """In a value a reference without its semicolon is none before a letter, digit or "="."""

    def character(reference: regex.Match[str]) -> str:
        name = reference[0][1:]
        return unescaped(reference[0]) if name in html5 or name[0] == "#" else reference[0]

    return _REFERENCE.sub(character, value)
