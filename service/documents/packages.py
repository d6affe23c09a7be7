"""Documents that are archives of XML: parts with places to fill, and all else as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.documents.archive import Archive
from service.documents.document import Segment
from service.documents.limits import DocumentLimits
from service.documents.xml_trees import Element, Tree, parse_xml, write_xml


class Place(Protocol):
    """What is translated as one text, where it stands in a part."""

    @property
    def segment(self) -> Segment:
        """What to translate."""

    def fill(self, text: str) -> None:
        """Put the translation of the segment in its place; once."""


class AttributePlace:
    """An attribute that people read, such as the text for a picture."""

    def __init__(self, element: Element, name: str) -> None:
        self._element = element
        self._name = name
        self.segment = Segment(element.get(name, ""))

    def fill(self, text: str) -> None:
        """As Place.fill."""
        self._element.set(self._name, text)


class TextPlace:
    """An element with nothing but text in it."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self.segment = Segment(element.text or "")

    def fill(self, text: str) -> None:
        """As Place.fill."""
        self._element.text = text


@dataclass(frozen=True)
class Part:
    """A member of an archive. places: found as they are asked for, once. written: as it is when they are filled."""

    name: str
    places: Iterable[Place]
    written: Callable[[], bytes]


class PackageDocument:
    """An archive with the parts of it that have text. It can be written once.

    Raises:
        RequestTooLargeError: they have more than `limits` allow. What the parts raise while they are read.
    """

    language: str | None = None

    def __init__(self, archive: Archive, parts: Iterable[Part], limits: DocumentLimits) -> None:
        self._archive = archive
        self._parts: list[Part] = []
        found = ((part, place) for part in parts for place in part.places)
        self._places: list[Place] = []
        for part, place in limits.counted(found, lambda each: each[1].segment):
            self._places.append(place)
            if not self._parts or self._parts[-1] is not part:
                self._parts.append(part)
        self.segments = [place.segment for place in self._places]

    def write(self, texts: Sequence[str], target: str) -> bytes:
        """As Document.write."""
        for place, text in zip(self._places, texts, strict=True):
            place.fill(text)
        return self._archive.written({part.name: part.written() for part in self._parts})


def xml_parts(archive: Archive, names: Mapping[str, Callable[[Tree], Iterator[Place]]]) -> Iterator[Part]:
    """The parts of those names, each with the places that its function finds.

    Raises:
        InvalidRequestError: a part is missing or no XML. RequestTooLargeError: it is too large.
    """
    return (_xml_part(archive, name, places) for name, places in names.items())


def _xml_part(archive: Archive, name: str, places: Callable[[Tree], Iterator[Place]]) -> Part:
    tree = parse_xml(archive.read(name), name)
    return Part(name, places(tree), lambda: write_xml(tree))
