"""EPUB: its chapters as HTML, in the syntax of XML, and the table of contents of older readers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

from service.documents.archive import Archive
from service.documents.document import DocumentFormat, Segment
from service.documents.encoding import Encoding, declared_in_xml, decode
from service.documents.formats.html import slots_of
from service.documents.limits import DocumentLimits
from service.documents.packages import PackageDocument, Part
from service.documents.slices import Slot
from service.documents.xml_trees import parse_xml
from service.errors import InvalidRequestError
from service.text.html_tokens import html_tokens
from service.text.markup import VOID

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_CHAPTER, _CONTENTS = "application/xhtml+xml", "application/x-dtbncx+xml"


class _SlotPlace:
    """A slot of a part."""

    def __init__(self, slot: Slot) -> None:
        self.segment: Segment = slot.segment
        self.text = ""
        self._written = slot.written

    def fill(self, text: str) -> None:
        """As Place.fill. The one entity that is written by its name is none of XML's own."""
        self.text = self._written(text).replace("&nbsp;", "&#160;")


def read(content: bytes, limits: DocumentLimits) -> PackageDocument:
    """Raises InvalidRequestError: no EPUB, or a protected one. RequestTooLargeError: it unpacks to too much."""
    archive = Archive(content, limits)
    if _CONTAINER not in archive.names:
        raise InvalidRequestError("file", f"not an EPUB: there is no {_CONTAINER} in it")
    chapters = [name for package in _packages(archive) for name in _chapters(archive, package)]
    protected = _encrypted(archive) & set(chapters)
    if protected:
        raise InvalidRequestError("file", f"protected against copying: {min(protected)[:100]!r} in it is encrypted")
    parts = (_part(archive, name, limits) for name in dict.fromkeys(chapters))
    return PackageDocument(archive, parts, limits)


def _packages(archive: Archive) -> Iterator[str]:
    """The package files that the container names."""
    for each in parse_xml(archive.read(_CONTAINER), _CONTAINER).iter("{*}rootfile"):
        yield each.get("full-path", "")


def _chapters(archive: Archive, package: str) -> Iterator[str]:
    """The members with text that a package lists."""
    for item in parse_xml(archive.read(package), package).iter("{*}item"):
        if item.get("media-type") in (_CHAPTER, _CONTENTS):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(item.get("href", ""))))
            if name in archive.names:
                yield name


def _encrypted(archive: Archive) -> set[str]:
    """Members that are encrypted; fonts often are."""
    if _ENCRYPTION not in archive.names:
        return set()
    tree = parse_xml(archive.read(_ENCRYPTION), _ENCRYPTION)
    return {unquote(each.get("URI", "")) for each in tree.iter("{*}CipherReference")}


def _part(archive: Archive, name: str, limits: DocumentLimits) -> Part:
    content = archive.read(name, limits.html_bytes)
    text, encoding = decode(content, declared_in_xml(content), errors="xmlcharrefreplace")
    if "<!ENTITY" in text:
        raise InvalidRequestError("file", f"{name[:100]!r} in it declares entities, which is not allowed")
    parts = [_SlotPlace(part) if isinstance(part, Slot) else part for part in _slots(text)]
    return Part(name, [part for part in parts if isinstance(part, _SlotPlace)], _writer(parts, encoding))


def _writer(parts: list[str | _SlotPlace], encoding: Encoding) -> Callable[[], bytes]:
    return lambda: encoding.encode("".join(part if isinstance(part, str) else part.text for part in parts))


def _slots(text: str) -> Iterator[str | Slot]:
    """As in HTML, where an element without content is written out; and without the names of authors."""
    author = False
    for part in slots_of(_written_out(text)):
        if isinstance(part, str):
            author = part.startswith("<docAuthor") or (author and not part.startswith("</docAuthor"))
        yield part.written(part.segment.text) if isinstance(part, Slot) and author else part


def _written_out(text: str) -> str:
    """<a id="x"/> means <a id="x"></a>, but not in HTML."""
    parts = []
    for token in html_tokens(text):
        if token.kind == "start" and token.source.endswith("/>") and token.name not in VOID:
            name = re.match(r"<([^\s/>]+)", token.source)
            parts.append(f"{token.source[:-2].rstrip()}></{name[1] if name else token.name}>")
        else:
            parts.append(token.source)
    return "".join(parts)


EPUB = DocumentFormat("epub", (".epub",), "application/epub+zip", read)
