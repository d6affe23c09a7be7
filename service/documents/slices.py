"""Documents that are one text: slices to translate, and all that is copied between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from service.documents.document import Segment
from service.documents.encoding import Encoding
from service.documents.limits import DocumentLimits


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Slot:
    """A place for a translation. written: how it stands in the document."""

    segment: Segment
    written: Callable[[str], str] = _as_it_is


class SlicedDocument:
    """parts: what concatenates to the document, a slot where a segment is.

    Raises:
        RequestTooLargeError: they are more than `limits` allow.
    """

    language: str | None = None

    def __init__(self, parts: Iterable[str | Slot], encoding: Encoding, limits: DocumentLimits) -> None:
        self._parts = list(limits.counted(parts, lambda part: part.segment if isinstance(part, Slot) else None))
        self._encoding = encoding
        self.segments = [part.segment for part in self._parts if isinstance(part, Slot)]

    def write(self, texts: Sequence[str], target: str) -> bytes:
        """As Document.write."""
        slots = [part for part in self._parts if isinstance(part, Slot)]
        done = iter([slot.written(text) for slot, text in zip(slots, texts, strict=True)])
        written = [part if isinstance(part, str) else next(done) for part in self._parts]
        return self._encoding.encode("".join(written))
