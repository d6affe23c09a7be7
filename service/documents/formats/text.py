"""Plain text: line by line, as the pipeline takes text anyway, but for paragraphs that were broken into lines."""

from __future__ import annotations

from collections.abc import Iterator

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import decode_undeclared
from service.documents.formats.wrapped_lines import Wrapped, lines_of, paragraphs
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.segmentation import has_letter


def read(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text, RequestTooLargeError for too much of it."""
    text, encoding = decode_undeclared(content)
    return SlicedDocument(_parts(text), encoding, limits)


def _parts(text: str) -> Iterator[str | Slot]:
    """Paragraphs and lines with letters, and what is between them."""
    done = 0
    for lines in paragraphs(text, lines_of(text)):
        if len(lines) > 1:
            wrapped = Wrapped(text, lines)
            start, end, slot = wrapped.start, wrapped.end, Slot(Segment(wrapped.text), wrapped.written)
        else:
            start, end = lines[0].start, lines[0].end
            slot = Slot(Segment(text[start:end]))
        if has_letter(slot.segment.text):
            yield text[done:start]
            yield slot
            done = end
    yield text[done:]


TEXT = DocumentFormat("text", (".txt",), "text/plain; charset=utf-8", read)
