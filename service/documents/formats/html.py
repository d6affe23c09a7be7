"""HTML, as slices of its source: only runs of text are written anew."""

from __future__ import annotations

import re

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import decode
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.markup import Run, parse_html

# Where a browser looks for it: in the first kilobyte.
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE)
_SNIFFED_BYTES = 1024


def read(content: bytes, _limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes in no known encoding."""
    declared = _CHARSET.search(content[:_SNIFFED_BYTES])
    text, encoding = decode(content, declared[1].decode() if declared else None, errors="xmlcharrefreplace")
    return SlicedDocument(slots_of(text), encoding)


def slots_of(source: str) -> list[str | Slot]:
    """The parts of a stretch of HTML. White space around a run of text is copied."""
    parts: list[str | Slot] = []
    for part in parse_html(source):
        if isinstance(part, Run):
            core = part.source.strip()
            start = part.source.index(core)
            parts += [part.source[:start], Slot(Segment(core, "html")), part.source[start + len(core) :]]
        else:
            parts.append(part)
    return parts


HTML = DocumentFormat("html", (".html", ".htm"), "text/html", read)
