"""HTML, as slices of its source: only runs of text, and attributes that people read, are written anew."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import declared_in_xml, decode
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.attributes import quoted, readable_attributes
from service.text.html_tokens import HtmlToken, html_tokens
from service.text.markup import VOID, Run, parse_html

# Where a browser looks for it: in the first kilobyte.
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_SNIFFED_BYTES = 1024
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)


def read(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes in no known encoding, RequestTooLargeError for too many."""
    limits.check(len(content), limits.html_bytes, "bytes of HTML")
    text, encoding = decode(content, _declared(content), errors="xmlcharrefreplace")
    return SlicedDocument(slots_of(text), encoding, limits)


def _declared(content: bytes) -> str | None:
    found = _CHARSET.search(_COMMENT.sub(b"", content[:_SNIFFED_BYTES]))
    return found[1].decode() if found else declared_in_xml(content)


def slots_of(source: str) -> list[str | Slot]:
    """The parts of a stretch of HTML. White space, anchors and images at the edges of a run of text are copied, but for
    their attributes; those inside of a run are in its segment."""
    parts: list[str | Slot] = []
    for part in parse_html(source):
        if isinstance(part, Run):
            tokens = html_tokens(part.source)
            first = _empty(tokens)
            last = len(tokens) - _empty(tokens[first:][::-1])
            before, core, after = ("".join(t.source for t in each) for each in _cut(tokens, first, last))
            parts += [*_tags(before), *_without_space(core), *_tags(after)]
        else:
            parts += _tags(part)
    return parts


def _tags(source: str) -> Iterator[str | Slot]:
    """What is outside of runs."""
    done = 0
    for attribute in readable_attributes(source):
        start, end = attribute.span
        yield source[done:start]
        yield Slot(Segment(attribute.text), quoted)
        done = end
    yield source[done:]


def _without_space(source: str) -> tuple[str, Slot, str]:
    core = source.strip()
    start = source.index(core)
    return source[:start], Slot(Segment(core, "html")), source[start + len(core) :]


def _cut(tokens: list[HtmlToken], first: int, last: int) -> tuple[list[HtmlToken], ...]:
    return tokens[:first], tokens[first:last], tokens[last:]


def _empty(tokens: Sequence[HtmlToken]) -> int:
    """How many tokens at the beginning, or seen from the end, are nothing but white space and elements without any."""
    done = index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.kind == "other" or (token.kind == "start" and token.name in VOID):
            done = index = index + 1
        elif token.kind == "text" and not token.source.strip():
            index += 1
        elif {each.kind for each in tokens[index : index + 2]} == {"start", "end"} and not token.hidden:
            done = index = index + 2
        else:
            break
    return done


HTML = DocumentFormat("html", (".html", ".htm"), "text/html", read)
