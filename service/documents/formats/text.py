"""Plain text: every line by itself, as the pipeline takes text anyway."""

from __future__ import annotations

import regex

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import decode
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.segmentation import has_letter

# Lines, and all that is between lines with letters.
_LINE = regex.compile(r"(?:[^\p{L}\n\r]*+[\n\r]++)++|[^\n\r]++")


def read(content: bytes, limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text."""
    text, encoding = decode(content)
    lines = (match[0] for match in _LINE.finditer(text))
    return SlicedDocument((Slot(Segment(line)) if has_letter(line) else line for line in lines), encoding, limits)


TEXT = DocumentFormat("text", (".txt",), "text/plain; charset=utf-8", read)
