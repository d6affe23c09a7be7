"""Plain text: every line by itself, as the pipeline takes text anyway."""

from __future__ import annotations

import regex

from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import decode
from service.documents.limits import DocumentLimits
from service.documents.slices import SlicedDocument, Slot
from service.text.segmentation import has_letter

_LINE = regex.compile(r"[^\n\r]+|[\n\r]+")


def read(content: bytes, _limits: DocumentLimits) -> SlicedDocument:
    """Raises InvalidRequestError for bytes that are no text."""
    text, encoding = decode(content)
    lines = _LINE.findall(text)
    return SlicedDocument([Slot(Segment(line)) if has_letter(line) else line for line in lines], encoding)


TEXT = DocumentFormat("text", (".txt",), "text/plain; charset=utf-8", read)
