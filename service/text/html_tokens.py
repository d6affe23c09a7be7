"""HTML -> tokens that concatenate back exactly.

A parser that builds a tree rewrites tag soup: it closes, moves and clones elements. Here nothing may change but text,
so the tokenizer of the standard library says where tags begin and end, and every token is a slice of the source.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Literal

TokenKind = Literal["text", "start", "end", "other"]

# What an HTML parser takes for the beginning of a tag, comment or declaration, well-formed or not.
_TAG_LIKE = re.compile(r"<[A-Za-z/!?]")


@dataclass(frozen=True, slots=True)
class HtmlToken:
    """A slice of the source. name: of a tag, in small letters. hidden: a start tag that says not to translate what it
    holds. "other": comments, declarations, and what is no tag although it begins like one."""

    kind: TokenKind
    source: str
    name: str = ""
    hidden: bool = False


def html_tokens(html: str) -> list[HtmlToken]:
    """All of `html`. A tag or comment that never ends is one token to the end, as for a browser."""
    marker = _Marker()
    # Only tags are looked for; an odd "&" would make the parser wait for more.
    marker.feed(html.replace("&", "+"))
    done = len(html) - len(marker.rawdata)
    lines = [0, *(match.end() for match in re.finditer("\n", html))]
    starts = [lines[line - 1] + column for line, column in marker.places]
    tokens: list[HtmlToken] = []
    first = starts[0] if starts else done
    if first:  # nobody is told of an empty "</>"
        tokens.append(HtmlToken("other", html[:first]))
    for (start, end), (kind, name, hidden) in zip(itertools.pairwise([*starts, done]), marker.found, strict=True):
        source = html[start:end]
        if kind == "text" and _TAG_LIKE.match(source):
            kind = "other"
        empty = len(source) - len(source.removesuffix("</>")) if kind == "text" else 0
        tokens.append(HtmlToken(kind, source[: len(source) - empty], name, hidden))
        if empty:
            tokens.append(HtmlToken("other", "</>"))
    if done < len(html):
        tokens.append(HtmlToken("other" if _TAG_LIKE.match(html, done) else "text", html[done:]))
    return tokens


class _Marker(HTMLParser):
    """Notes where each token begins. What it has not understood by the end stays in `rawdata`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.rawdata = ""
        self.places: list[tuple[int, int]] = []
        self.found: list[tuple[TokenKind, str, bool]] = []

    def _note(self, kind: TokenKind, name: str = "", hidden: bool = False) -> None:
        self.places.append(self.getpos())
        self.found.append((kind, name, hidden))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").lower() for name, value in reversed(attrs)}
        hidden = values.get("translate") == "no" or "notranslate" in values.get("class", "").split()
        self._note("start", tag, hidden)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._note("end", tag)

    def handle_data(self, data: str) -> None:
        self._note("text")

    def handle_comment(self, data: str) -> None:
        self._note("other")

    def handle_decl(self, decl: str) -> None:
        self._note("other")

    def handle_pi(self, data: str) -> None:
        self._note("other")

    def unknown_decl(self, data: str) -> None:
        self._note("other")
