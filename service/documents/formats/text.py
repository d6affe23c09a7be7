"""Plain text: every line by itself, as the pipeline takes text anyway."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import decode_undeclared
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.segmentation import has_letter

_LINE = regex.compile(r"[^\n\r]+")


def read(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text, RequestTooLargeError for too much of it."""
    text, encoding = decode_undeclared(content)
    return SlicedDocument(_parts(text), encoding, limits)


def _parts(text: str) -> Iterator[str | Slot]:
    """Lines with letters, and what is between them."""
    done = 0
    for line in _LINE.finditer(text):
        if has_letter(line[0]):
            yield text[done : line.start()]
            yield Slot(Segment(line[0]))
            done = line.end()
    yield text[done:]


TEXT = DocumentFormat("text", (".txt",), "text/plain; charset=utf-8", read)
