"""Office Open XML: Word's documents and PowerPoint's presentations, with notes, headers, text boxes and charts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from service.documents.archive import Archive
from service.documents.document import DocumentFormat
from service.documents.formats.run_reading import Dialect, name
from service.documents.formats.runs import stretches
from service.documents.limits import DocumentLimits
from service.documents.packages import AttributePlace, PackageDocument, Place, xml_parts
from service.documents.xml_trees import Tree, parse_xml
from service.errors import InvalidRequestError
from service.text.segmentation import has_letter

_CONTENT_TYPES = "[Content_Types].xml"
_WORD_TYPES = frozenset({"document.main", "header", "footer", "footnotes", "endnotes", "comments"})
_DRAWING_TYPES = frozenset({"slide", "notesSlide", "chart", "diagramData", "diagramDrawing"})
# Pictures and shapes, and the texts for who does not see them.
_PICTURES = ("{*}docPr", "{*}cNvPr")
_ALTERNATIVES = ("title", "descr")
# What stands in them is not there any more.
_DELETED = frozenset({"w:del", "w:moveFrom"})

WORDPROCESSING = Dialect(
    paragraph="w:p",
    run="w:r",
    properties="w:rPr",
    text="w:t",
    fixed=frozenset({"w:pPr", "w:br", "w:cr", "w:tab", "w:ptab", "w:p", "w:tbl"}),
    containers={
        "w:hyperlink": None,
        "w:ins": None,
        "w:moveTo": None,
        "w:smartTag": None,
        "w:customXml": None,
        "w:fldSimple": None,
        "w:bdo": None,
        "w:dir": None,
        "w:sdt": "w:sdtContent",
    },
    words=frozenset({"w:sym", "m:oMath", "w:fldSimple", "w:noBreakHyphen"}),
    dropped=frozenset({"w:proofErr"}),
)
DRAWING = Dialect(
    paragraph="a:p",
    run="a:r",
    properties="a:rPr",
    text="a:t",
    fixed=frozenset({"a:pPr", "a:endParaRPr", "a:br"}),
    words=frozenset({"a:fld"}),
)


def read_docx(content: bytes, limits: DocumentLimits) -> PackageDocument:
    """Raises InvalidRequestError: no Word document. RequestTooLargeError: it unpacks to too much."""
    return _read(content, limits, "wordprocessingml.document.main+xml", "Word document")


def read_pptx(content: bytes, limits: DocumentLimits) -> PackageDocument:
    """Raises InvalidRequestError: no presentation. RequestTooLargeError: it unpacks to too much."""
    return _read(content, limits, "presentationml.presentation.main+xml", "PowerPoint presentation")


def _read(content: bytes, limits: DocumentLimits, main_type: str, what: str) -> PackageDocument:
    archive = Archive(content, limits)
    if _CONTENT_TYPES not in archive.names:
        raise InvalidRequestError("file", f"not a {what}: there is no {_CONTENT_TYPES} in it")
    types = parse_xml(archive.read(_CONTENT_TYPES), _CONTENT_TYPES).getroot()
    overrides = [(each.get("PartName", ""), each.get("ContentType", "")) for each in types if each.get("PartName")]
    if not any(type_.endswith(main_type) for _name, type_ in overrides):
        raise InvalidRequestError("file", f"not a {what}: {_CONTENT_TYPES} in it names none")
    there = {name.lower(): name for name in archive.names}  # names of parts are the same in any case
    parts: dict[str, Callable[[Tree], Iterator[Place]]] = {}
    for part, type_ in overrides:
        kind = type_.rpartition(".")[2] if not type_.endswith("main+xml") else ".".join(type_.split(".")[-2:])
        kind = kind.removesuffix("+xml")
        member = there.get(part.lstrip("/").lower())
        if member is not None and kind in _WORD_TYPES | _DRAWING_TYPES:
            parts[member] = functools.partial(
                _places, dialect=WORDPROCESSING if kind in _WORD_TYPES else DRAWING, limits=limits
            )
    return PackageDocument(archive, xml_parts(archive, parts), limits)


def _places(tree: Tree, dialect: Dialect, limits: DocumentLimits) -> Iterator[Place]:
    for paragraph in [element for element in tree.iter() if name(element) == dialect.paragraph]:
        limits.check(len(paragraph), limits.items, "elements in one paragraph")
        yield from stretches(paragraph, dialect)
    for picture in tree.iter(*_PICTURES):
        if _DELETED.isdisjoint(map(name, picture.iterancestors())):
            yield from (AttributePlace(picture, each) for each in _ALTERNATIVES if has_letter(picture.get(each, "")))


_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCX = DocumentFormat("docx", (".docx",), f"{_OFFICE}.wordprocessingml.document", read_docx)
PPTX = DocumentFormat("pptx", (".pptx",), f"{_OFFICE}.presentationml.presentation", read_pptx)
