"""Tags in a text that is not HTML, such as a message of a program: they are kept, and go with the words in them."""

from __future__ import annotations

import regex

from model_store.placeholders import Placeholder, find_placeholders
from service.text.edits import Edit, EditedText, Span
from service.text.html_tokens import HtmlToken, TokenKind
from service.text.markup import VOID, Mark, Run, partners_of

_NAME = regex.compile(r"</?([^\s/>]+)")
# What ends a sentence. Of names that nobody knows it is not said: "<file>" may be part of one.
_BREAK_NAMES = "br hr p div ul ol li dl dt dd table tr td th h1 h2 h3 h4 h5 h6 blockquote pre section article"
_BREAKS = frozenset(_BREAK_NAMES.split())


def breaking_tags(text: str) -> list[Span]:
    """Where a text has tags that end a sentence."""
    if "<" not in text:
        return []
    return [(tag.start, tag.end) for tag in _tags(text) if _token(text, tag).name in _BREAKS]


def without_pairs(text: str) -> Run | None:
    """A text without the tags that come in pairs, and where these were; None if there are none."""
    tags, partners = _paired(text)
    if not partners:
        return None
    paired = sorted(partners)
    number = {index: place for place, index in enumerate(paired)}
    bare = EditedText(text, [Edit(tags[index].start, tags[index].end, "") for index in paired])
    marks = [
        Mark(text[tags[index].start : tags[index].end], place, number[partners[index]])
        for index, (place, _end) in zip(paired, bare.moved, strict=True)
    ]
    return Run(text, bare.text, tuple(marks), {})


def tag_pairs(text: str) -> list[Span]:
    """From each tag that has a partner to the end of that."""
    tags, partners = _paired(text)
    return [(tags[one].start, tags[other].end) for one, other in sorted(partners.items()) if one < other]


def _paired(text: str) -> tuple[list[Placeholder], dict[int, int]]:
    """The tags of a text, and the number of each one's partner, if any has one."""
    if "</" not in text:
        return [], {}
    tags = _tags(text)
    return tags, partners_of([_token(text, tag) for tag in tags])


def _tags(text: str) -> list[Placeholder]:
    return [each for each in find_placeholders(text) if each.kind == "tag"]


def _token(text: str, tag: Placeholder) -> HtmlToken:
    source = text[tag.start : tag.end]
    match = _NAME.match(source)
    name = match[1].lower() if match else ""
    kind: TokenKind = "end" if source.startswith("</") else "start"
    return HtmlToken("other" if source.endswith("/>") or name in VOID else kind, source, name)
