"""OpenDocument: the paragraphs and headings of texts and presentations, in headers, notes, tables and frames too."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence

from lxml import etree

from service.documents.archive import Archive
from service.documents.document import DocumentFormat
from service.documents.formats.mixed import (
    Kind,
    Vocabulary,
    append,
    append_items,
    append_text,
    inline_of,
    items_of,
    speaks,
)
from service.documents.inline import InlineText
from service.documents.limits import DocumentLimits
from service.documents.packages import PackageDocument, Place, TextPlace, xml_parts
from service.documents.xml_inline import Item, Mark, XmlInline, XmlKey
from service.documents.xml_trees import Element, Tree
from service.errors import InvalidRequestError
from service.text.segmentation import has_letter

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_SVG = "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_PARAGRAPHS = frozenset({f"{_TEXT}p", f"{_TEXT}h"})
_LINK, _SPAN, _SPACE = f"{_TEXT}a", f"{_TEXT}span", f"{_TEXT}s"
_SPANS = frozenset({_SPAN, _LINK, f"{_TEXT}meta"})
_BREAKS = frozenset({f"{_TEXT}tab", f"{_TEXT}line-break"})
# Of the vocabulary of text, what has a place but does not stand in a sentence; all else does, as a page's number.
_POINT_NAMES = (
    *("note", "soft-page-break", "bookmark", "reference-mark", "change"),
    *("toc-mark", "user-index-mark", "alphabetical-index-mark"),
)
_POINTS = frozenset({f"{_TEXT}{name}" for name in _POINT_NAMES})
_NAMES = (f"{_TEXT}name", f"{_TEXT}id", f"{_TEXT}change-id", f"{_OFFICE}name")
_SPACES = re.compile(r"[ \t\r\n]+")
_MORE_SPACES = re.compile(r"(?<= ) +")
# Behind a break in an entry of an index: the number of a page.
_PAGE = re.compile(r"\s*(?:[ivxlc]+|[IVXLC]+)\s*")
_MIME_TYPES = {
    b"application/vnd.oasis.opendocument.text",
    b"application/vnd.oasis.opendocument.text-template",
    b"application/vnd.oasis.opendocument.presentation",
    b"application/vnd.oasis.opendocument.presentation-template",
}


class _Paragraph:
    """A paragraph: what stays, and stretches that are translated. It is built anew when the last of them is filled."""

    def __init__(self, element: Element) -> None:
        in_index = next(element.iterancestors(f"{_TEXT}index-body"), None) is not None
        _split(element)
        element = self._element = _innermost(element)
        self._groups: list[Item | Stretch] = []
        self.stretches: list[Stretch] = []
        group: list[Item] = []
        for item in [*items_of(element), None]:
            # Spaces in front of all text indent it.
            indents = not group and item is not None and not isinstance(item, str) and item.tag == _SPACE
            fixed = item is not None and (indents or _breaks(item))
            if item is not None and not fixed:
                group.append(_SPACES.sub(" ", item) if isinstance(item, str) else item)
                continue
            stretch = Stretch(self, group) if speaks(group, _VOCABULARY) else None
            if stretch is not None and not (self._groups and in_index and _PAGE.fullmatch(stretch.segment.plain)):
                self.stretches.append(stretch)
                self._groups.append(stretch)
            else:
                self._groups += group
            group = []
            if item is not None:
                self._groups.append(item)

    def filled(self) -> None:
        """One more is."""
        if any(stretch.content is None for stretch in self.stretches):
            return
        for child in list(self._element):
            self._element.remove(child)
        self._element.text = None
        for group in self._groups:
            if isinstance(group, Stretch):
                assert group.content is not None
                append(self._element, group.content, _append_text, _moved)
            else:
                append_items(self._element, [group], _moved)


def _split(element: Element) -> None:
    """Each span with a break between texts becomes several: a break inside a text would be no space."""
    for child in [each for each in element if each.tag in _SPANS]:
        _split(child)
        groups = [list(group) for _breaks, group in itertools.groupby(items_of(child), _breaks)]
        if child.tag == _LINK or len(groups) < 2:
            continue
        tail, attributes = child.tail, dict(child.attrib)
        for group in groups:
            part = child.makeelement(child.tag, attributes, child.nsmap)
            append_items(part, group, _moved)
            child.addprevious(part)
            attributes.pop(_ID, None)  # of one element only
        part.tail = tail
        element.remove(child)


def _breaks(item: Item) -> bool:
    """Whether it is a break, or a span of nothing else, as underlined tabs are."""
    if isinstance(item, str):
        return False
    inside = items_of(item)
    return item.tag in _BREAKS or (item.tag == _SPAN and bool(inside) and all(map(_breaks, inside)))


def _innermost(element: Element) -> Element:
    """The span or link around all of a paragraph, as an entry of a table of contents has it, or the paragraph."""
    while len(element) == 1 and element[0].tag in _SPANS and not f"{element.text or ''}{element[0].tail or ''}".strip():
        element = element[0]
    return element


class Stretch:
    """What is translated of a paragraph as one text."""

    def __init__(self, paragraph: _Paragraph, items: Sequence[Item]) -> None:
        self._paragraph = paragraph
        self._inline: InlineText[XmlKey] = InlineText(inline_of(items, _VOCABULARY))
        self.content: Sequence[XmlInline] | None = None
        self.segment = self._inline.segment

    def fill(self, text: str) -> None:
        """As Place.fill."""
        self.content = self._inline.parse(text)
        self._paragraph.filled()


def read(content: bytes, limits: DocumentLimits) -> PackageDocument:
    """Raises InvalidRequestError: no text or presentation of OpenDocument. RequestTooLargeError: it is too large."""
    archive = Archive(content, limits)
    if "mimetype" not in archive.names:
        raise InvalidRequestError("file", "not an OpenDocument text or presentation: there is no mimetype in it")
    if archive.read("mimetype").strip() not in _MIME_TYPES:
        raise InvalidRequestError("file", "not an OpenDocument text or presentation: its mimetype says so")
    manifest = "META-INF/manifest.xml"
    if manifest in archive.names and b"encryption-data" in archive.read(manifest):
        raise InvalidRequestError("file", "encrypted; allowed: without a password")
    places = functools.partial(_places, limits=limits)
    names = [name for name in ("content.xml", "styles.xml") if name in archive.names or name == "content.xml"]
    return PackageDocument(archive, xml_parts(archive, dict.fromkeys(names, places)), limits)


def _places(tree: Tree, limits: DocumentLimits) -> Iterator[Place]:
    for element in tree.iter(*_PARAGRAPHS):
        limits.check(len(element), limits.items, "elements in one paragraph")
        if not _is_deleted(element):
            yield from _Paragraph(element).stretches
    for picture in tree.iter(f"{_SVG}title", f"{_SVG}desc"):
        if not len(picture) and has_letter(picture.text or "") and not _is_deleted(picture):
            yield TextPlace(picture)


def _is_deleted(element: Element) -> bool:
    return next(element.iterancestors(f"{_TEXT}tracked-changes"), None) is not None


def _kind(element: Element) -> Kind:
    if element.tag in _SPANS:
        return "span"
    if element.tag == _SPACE:
        return "text"
    in_text = isinstance(element.tag, str) and element.tag.startswith(_TEXT)
    return "word" if in_text and element.tag not in _POINTS | _BREAKS else "point"


def _mark(element: Element) -> Mark | None:
    if not isinstance(element.tag, str) or not element.tag.endswith(("-start", "-end")):
        return None
    what, _, end = element.tag.rpartition("-")
    number = next((element.get(name) for name in _NAMES if element.get(name)), "")
    return Mark(f"{etree.QName(what).localname} {number}", end == "start")


def _spaces(element: Element) -> str:
    count = element.get(f"{_TEXT}c", "1")
    return " " * min(int(count), 100) if count.isascii() and count.isdecimal() and len(count) < 5 else " "


def _moved(element: Element) -> Element:
    return element


def _append_text(parent: Element, text: str) -> None:
    """Spaces behind a space count only as elements."""
    done = 0
    for match in _MORE_SPACES.finditer(text):
        append_text(parent, text[done : match.start()])
        spaces = etree.SubElement(parent, _SPACE)
        spaces.set(f"{_TEXT}c", str(len(match[0])))
        done = match.end()
    append_text(parent, text[done:])


_VOCABULARY = Vocabulary(_kind, _mark, _spaces)
ODT = DocumentFormat("odt", (".odt",), "application/vnd.oasis.opendocument.text", read)
ODP = DocumentFormat("odp", (".odp",), "application/vnd.oasis.opendocument.presentation", read)
