"""What a document may cost before anything of it is translated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from service.errors import RequestTooLargeError

T = TypeVar("T")


class Segmented(Protocol):
    """What is translated as one text."""

    @property
    def text(self) -> str:
        """It."""


MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class DocumentLimits:
    """Of one document. characters: to translate, over all segments; segment_characters: of one. items: in a paragraph.
    file_bytes: of all of it. html_bytes, markdown_bytes, and part_bytes of XML: of one file or member of an archive,
    since reading takes many times their size. The others bound what an archive unpacks to. ratio: unpacked over packed
    bytes of one member, if it is larger than `ratio_matters_bytes`. reading_s: seconds in which it has to be read."""

    characters: int = 1_000_000
    segment_characters: int = 100_000
    segments: int = 50_000
    items: int = 20_000
    file_bytes: int = 10 * MEBIBYTE
    html_bytes: int = 2 * MEBIBYTE
    markdown_bytes: int = MEBIBYTE
    members: int = 10_000
    unpacked_bytes: int = 128 * MEBIBYTE
    part_bytes: int = 8 * MEBIBYTE
    ratio: int = 200
    ratio_matters_bytes: int = MEBIBYTE
    reading_s: float = 60.0

    def check(self, size: int, limit: int, unit: str) -> None:
        """Raises RequestTooLargeError if there are more than `limit` of the `unit`."""
        if size > limit:
            raise RequestTooLargeError("file", size, limit, unit)

    def counted(self, found: Iterable[T], segment_of: Callable[[T], Segmented | None]) -> Iterator[T]:
        """What was found, while it stays within the limits: so no more is looked for than is allowed.

        Args:
            segment_of: the segment that it has, if it has one.
        """
        started = time.monotonic()
        segments = characters = 0
        for each in found:
            if (segment := segment_of(each)) is not None:
                segments, length = segments + 1, len(segment.text)
                characters += length
                self.check(length, self.segment_characters, f"characters in segment {segments}")
                self.check(characters, self.characters, "characters to translate, or more")
                self.check(segments, self.segments, "segments, or more")
                self.check(round(time.monotonic() - started), round(self.reading_s), "seconds to read it, or more")
            yield each
