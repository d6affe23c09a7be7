"""What a document is to the service: segments in order, and the same document with other texts in their places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from service.documents.limits import DocumentLimits
from service.text.markup import text_of

if TYPE_CHECKING:  # the command line reads names of formats, and waits for no torch
    from service.pipeline.translation import Format


@dataclass(frozen=True, slots=True)
class Segment:
    """What is translated as one text. format: "html" where inline formatting is in it."""

    text: str
    format: Format = "text"

    @property
    def plain(self) -> str:
        """Without its formatting."""
        return text_of(self.text) if self.format == "html" else self.text


class Document(Protocol):
    """A document that has been read. language: what the document says its translations are in; None if nothing."""

    @property
    def segments(self) -> Sequence[Segment]:
        """What is translated, in the order of the document."""

    @property
    def language(self) -> str | None:
        """A language code, as the document has it."""

    def write(self, texts: Sequence[str], target: str) -> bytes:
        """The document with `texts` for its segments, in their formats. target: the language they are in."""


@dataclass(frozen=True)
class DocumentFormat:
    """suffixes: of file names, with the dot, in small letters. media_type: of what comes out. read: raises
    InvalidRequestError and RequestTooLargeError, both of the field "file"."""

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    read: Callable[[bytes, DocumentLimits], Document]
