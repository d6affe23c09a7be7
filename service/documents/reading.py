"""Which formats there are, and reading a file by its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from service.documents.document import Document, DocumentFormat, Segment
from service.documents.formats.epub import EPUB
from service.documents.formats.gettext import GETTEXT
from service.documents.formats.html import HTML
from service.documents.formats.json import JSON
from service.documents.formats.markdown import MARKDOWN
from service.documents.formats.office import DOCX, PPTX
from service.documents.formats.opendocument import ODP, ODT
from service.documents.formats.subtitles import SRT, VTT
from service.documents.formats.text import TEXT
from service.documents.formats.xliff import XLIFF
from service.documents.limits import DocumentLimits
from service.errors import InvalidRequestError

DOCUMENT_FORMATS = (TEXT, MARKDOWN, HTML, DOCX, ODT, PPTX, ODP, EPUB, SRT, VTT, GETTEXT, XLIFF, JSON)
SUFFIXES = tuple(suffix for each in DOCUMENT_FORMATS for suffix in each.suffixes)


@dataclass(frozen=True)
class Contents:
    """What is in a document. language: as a Document's."""

    format: DocumentFormat
    segments: tuple[Segment, ...]
    language: str | None

    @property
    def characters(self) -> int:
        """To translate."""
        return sum(len(segment.text) for segment in self.segments)


def format_of(name: str) -> DocumentFormat:
    """The format of a file by its name. Raises InvalidRequestError if it is none that is read."""
    suffix = PurePath(name).suffix.lower()
    for each in DOCUMENT_FORMATS:
        if suffix in each.suffixes:
            return each
    raise InvalidRequestError("file", f"file format not supported: {suffix[:20]!r}; allowed: {', '.join(SUFFIXES)}")


def read_document(name: str, content: bytes, limits: DocumentLimits) -> Document:
    """The document in a file. It takes as long as the file is large, and longer: not for the event loop.

    Raises:
        InvalidRequestError: of no known format, or broken. RequestTooLargeError: more than `limits` allow.
    """
    format = format_of(name)
    limits.check(len(content), limits.file_bytes, "bytes")
    return format.read(content, limits)
