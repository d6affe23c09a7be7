"""What runs say: their names, texts and formatting as inline content. See runs.py."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lxml import etree

from service.documents.inline import Point, Span, Word
from service.documents.xml_inline import Mark, Raw, Shell, Style, XmlInline, XmlKey, merged, with_ranges
from service.documents.xml_trees import Element
from service.text.segmentation import has_letter

XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_NAMESPACES = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a",
    "http://purl.oclc.org/ooxml/drawingml/main": "a",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
}
_DEEPEST = 16
_SPACES = re.compile(r"[ \t\r\n]+")
# Of a run's formatting, what does not show.
_UNSEEN = frozenset({"w:lang", "w:noProof", "w:rsid"})
# And what shows in a space: lines and colours behind it, elements of Word and attributes of PowerPoint.
_SEEN_IN_SPACES = frozenset({"u", "strike", "dstrike", "highlight", "shd", "bdr"})

# Fields that show nothing, but are entries of an index or a table; and those that show a number, which may be "iv".
_UNSEEN_FIELD = re.compile(r"\s*(?:XE|TC|TA|RD)\b")
_PAGE_FIELD = re.compile(r"\s*(?:PAGE|PAGEREF|NUMPAGES|SECTIONPAGES)\b")


@dataclass(frozen=True)
class Dialect:
    """How a vocabulary names things, with its prefix. fixed: what stands in a paragraph before or behind its text, or
    breaks it. containers: what has runs in it, and by which child. words: what stands in a sentence like a word.
    dropped: notes of an editor about the old text."""

    paragraph: str
    run: str
    properties: str
    text: str
    fixed: frozenset[str]
    containers: dict[str, str | None] = field(default_factory=dict)
    words: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()


def name(element: Element) -> str:
    """ "w:p"; empty for comments and what is of no known namespace."""
    tag = element.tag
    if not isinstance(tag, str):
        return ""
    qualified = etree.QName(tag)
    prefix = _NAMESPACES.get(qualified.namespace or "", "")
    return f"{prefix}:{qualified.localname}" if prefix else ""


def mark_of(element: Element) -> Mark | None:
    """Of fields, bookmarks and the like in WordprocessingML."""
    kind = name(element)
    if kind == "w:r" and len(element) and name(element[-1]) == "w:fldChar":
        type_ = next((value for key, value in element[-1].attrib.items() if str(key).endswith("fldCharType")), "")
        code = _code_behind(element)
        unseen, page = (pattern.match(code) is not None for pattern in (_UNSEEN_FIELD, _PAGE_FIELD))
        return Mark("field", type_ == "begin", type_ == "separate", strong=True, unseen=unseen, number=page)
    if kind.endswith(("RangeStart", "RangeEnd", "bookmarkStart", "bookmarkEnd", "permStart", "permEnd")):
        number = next((value for key, value in element.attrib.items() if etree.QName(key).localname == "id"), "")
        what = kind.removesuffix("Start").removesuffix("End")
        return Mark(f"{what} {number}", kind.endswith("Start"))
    return None


def _code_behind(begin: Element) -> str:
    """How the code of a field begins that begins there."""
    behind = begin.getnext()
    return "" if behind is None else "".join(child.text or "" for child in behind if name(child) == "w:instrText")


def speaks(elements: Iterable[Element], dialect: Dialect) -> bool:
    """Whether there is text in them, that of paragraphs in between not counted."""
    pending = list(elements)
    first = set(map(id, pending))
    while pending:
        element = pending.pop()
        kind = name(element)
        if kind == dialect.text and has_letter(element.text or ""):
            return True
        if kind != dialect.paragraph or id(element) in first:
            pending.extend(element)
    return False


def hole_of(element: Element, dialect: Dialect) -> Element | None:
    """What has the runs that are in a container: it or a child; None of what is no container."""
    inner = dialect.containers.get(name(element), "")
    if inner is None:
        return element
    return next((each for each in element if name(each) == inner), None) if inner else None


class RunReader:
    """Elements -> inline content, in which every text is in its style."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._styles: dict[bytes, Style] = {}
        self._lengths: Counter[bytes] = Counter()

    def usual_style(self) -> Style | None:
        """That of most characters; None if none was read, as where all text is in what was moved away."""
        if not self._lengths:
            return None
        return self._styles[max(self._lengths, key=lambda key: self._lengths[key])]

    def content(self, elements: Sequence[Element], depth: int) -> list[XmlInline]:
        """The inline content of elements side by side."""
        shown = [element for element in elements if name(element) not in self._dialect.dropped]
        marks = [mark_of(element) for element in shown]
        return with_ranges(shown, marks, lambda element: self._element(element, depth), self._says)

    def _says(self, elements: Iterable[Element]) -> bool:
        return speaks(elements, self._dialect)

    def _element(self, element: Element, depth: int) -> list[XmlInline]:
        kind = name(element)
        if kind == self._dialect.run:
            return self._run(element)
        if depth < _DEEPEST and self._says([element]):
            hole = hole_of(element, self._dialect)
            if hole is not None:
                return [Span(Shell(element, hole), tuple(self.content(list(hole), depth + 1)))]
        return [Word(Raw((element,))) if kind in self._dialect.words else Point(Raw((element,)))]

    def _run(self, run: Element) -> list[XmlInline]:
        texts = [child for child in run if name(child) == self._dialect.text]
        if not texts:
            last = name(run[-1]) if len(run) else ""
            return [Word(Raw((run,))) if last in self._dialect.words else Point(Raw((run,)))]
        text = _SPACES.sub(_without_breaks, "".join(_shown(each) for each in texts))
        key = _style_key(run, self._dialect)
        style = self._styles.setdefault(key, Style(run))
        self._lengths[key] += len("".join(text.split()))
        return [Span(style, (text,))]


def _shown(text: Element) -> str:
    """WordprocessingML takes the white space at the ends of a text for nothing, if it does not say otherwise."""
    shown = text.text or ""
    return shown.strip(" \t\r\n") if name(text) == "w:t" and text.get(XML_SPACE) != "preserve" else shown


def _without_breaks(spaces: re.Match[str]) -> str:
    """Spaces stay as many as they are; lines of a file that was indented for reading are none of the text."""
    return " " if spaces[0].strip(" ") else spaces[0]


def _style_key(run: Element, dialect: Dialect) -> bytes:
    for child in run:
        if name(child) == dialect.properties:
            seen = copy.deepcopy(child)
            for each in list(seen):
                if name(each) in _UNSEEN:
                    seen.remove(each)
            for attribute in ("lang", "altLang", "dirty", "err", "smtClean"):
                seen.attrib.pop(attribute, None)
            return b"" if not len(seen) and not seen.attrib else etree.tostring(seen, method="c14n")
    return b""


def hides_spaces(key: XmlKey) -> bool:
    """Whether it is the style of a run in which a space looks as it does in any other: no line and no colour shows."""
    if not isinstance(key, Style):
        return False
    names = (name for each in key.run.iterdescendants(etree.Element) for name in (each.tag, *each.keys()))
    return not any(etree.QName(each).localname in _SEEN_IN_SPACES for each in names)


def without_style(content: Iterable[XmlInline], plain: Style) -> list[XmlInline]:
    """Neighbours of one style as one, and what is in the usual style without it."""
    found: list[XmlInline] = []
    for each in content:
        if isinstance(each, Span) and isinstance(each.key, Style):
            last = found[-1] if found else None
            text = each.inside[0]
            assert isinstance(text, str)
            blank = last is not None and not text.strip(" ") and hides_spaces(each.key)
            if each.key is plain or (blank and isinstance(last, str)):
                found.append(text)
            elif isinstance(last, Span) and (last.key is each.key or (blank and isinstance(last.key, Style))):
                found[-1] = Span(last.key, (f"{last.inside[0]}{text}",))
            else:
                found.append(each)
        elif isinstance(each, Span):
            found.append(Span(each.key, tuple(without_style(each.inside, plain))))
        else:
            found.append(each)
    return merged(found)
