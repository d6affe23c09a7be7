"""XLIFF 1.2 and 2: the units that have no translation yet. Sources, notes and finished translations stay."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

from lxml import etree

from service.documents.document import DocumentFormat, Segment
from service.documents.formats.mixed import Kind, Vocabulary, append, append_text, inline_of, items_of, speaks
from service.documents.inline import InlineText
from service.documents.limits import DocumentLimits
from service.documents.xml_inline import Mark, XmlKey
from service.documents.xml_trees import Element, Tree, XmlFrame, parse_xml
from service.errors import InvalidRequestError
from service.languages import language_and_script

_ONE = "urn:oasis:names:tc:xliff:document:1.2"
_TWO = ("urn:oasis:names:tc:xliff:document:2.0", "urn:oasis:names:tc:xliff:document:2.2")
_SPANS = frozenset({"g", "pc", "mrk"})
_STARTS = frozenset({"bpt", "bx", "sc", "sm"})
_ENDS = frozenset({"ept", "ex", "ec", "em"})
_UNTRANSLATED = frozenset({"new", "needs-translation", "initial"})


class _Place:
    """What is translated as one text, and the element that gets its translation."""

    def __init__(self, element: Element) -> None:
        """element: has the source in it."""
        self._element = element
        self._inline: InlineText[XmlKey] = InlineText(inline_of(items_of(element), _VOCABULARY))
        self.segment = self._inline.segment

    def fill(self, text: str) -> None:
        """Put the translation of the segment in its place."""
        content = self._inline.parse(text)
        for child in list(self._element):
            self._element.remove(child)
        self._element.text = None
        append(self._element, content, append_text, lambda element: element)


class XliffDocument:
    """A file with a target, which has its source in it so far, for each unit that had none. It can be written once."""

    def __init__(self, tree: Tree, frame: XmlFrame, version: str, limits: DocumentLimits) -> None:
        self._tree = tree
        self._frame = frame
        root = tree.getroot()
        one = version == _ONE
        self._stating, self._attribute = (
            (list(root.iter(f"{{{version}}}file")), "target-language") if one else ([root], "trgLang")
        )
        stated = [str(each.get(self._attribute)) for each in self._stating if each.get(self._attribute)]
        if len({language_and_script(code) for code in stated} - {None}) > 1:
            codes = ", ".join(dict.fromkeys(stated))
            raise InvalidRequestError("file", f"its targets are to be in {codes[:100]}; allowed: one language")
        for source in root.iter(f"{{{version}}}source"):
            limits.check(len(source), limits.items, "elements in one text")
        units = list(_units_of_1(root) if one else _units_of_2(root, version))
        places = (_Place(element) for element in units if speaks(items_of(element), _VOCABULARY))
        self._places = list(limits.counted(places, lambda place: place.segment))

    @property
    def segments(self) -> Sequence[Segment]:
        """As Document's."""
        return [place.segment for place in self._places]

    @property
    def language(self) -> str | None:
        """As Document's."""
        return next((each.get(self._attribute) for each in self._stating if each.get(self._attribute)), None)

    def write(self, texts: Sequence[str], target: str) -> bytes:
        """As Document.write; the file says which language its targets are in, if it did not."""
        for place, text in zip(self._places, texts, strict=True):
            place.fill(text)
        for each in self._stating:
            if not each.get(self._attribute):
                each.set(self._attribute, target)
        return self._frame.written(self._tree)


def read(content: bytes, limits: DocumentLimits) -> XliffDocument:
    """Raises InvalidRequestError: no XLIFF of these versions. RequestTooLargeError: it is too large to parse."""
    limits.check(len(content), limits.part_bytes, "bytes of XML")
    tree = parse_xml(content, "the file")
    name = etree.QName(tree.getroot())
    if name.localname != "xliff" or name.namespace not in (_ONE, *_TWO):
        raise InvalidRequestError(
            "file", f"not XLIFF: its root is {str(name)[:100]!r}; allowed: versions 1.2, 2.0 to 2.2"
        )
    return XliffDocument(tree, XmlFrame(content, tree), name.namespace, limits)


def _units_of_1(root: Element) -> Iterator[Element]:
    """What is to be translated of each unit: its new target, or the segments in it that its source was cut into."""
    for unit in root.iter(f"{{{_ONE}}}trans-unit"):
        source, target = unit.find(f"{{{_ONE}}}source"), unit.find(f"{{{_ONE}}}target")
        if source is None or unit.get("approved") == "yes" or not _is_to_translate(unit):
            continue
        if _is_finished(target, None if target is None else target.get("state")):
            continue
        cut = unit.find(f"{{{_ONE}}}seg-source")
        made = _target(source if cut is None else cut, target, f"{{{_ONE}}}target")
        made.set("state", "needs-review-translation")
        segments = [each for each in made.iter(f"{{{_ONE}}}mrk") if each.get("mtype") == "seg"]
        yield from segments if cut is not None else [made]


def _units_of_2(root: Element, version: str) -> Iterator[Element]:
    for segment in root.iter(f"{{{version}}}segment"):
        source, target = segment.find(f"{{{version}}}source"), segment.find(f"{{{version}}}target")
        if source is None or not _is_to_translate(segment) or _is_finished(target, segment.get("state")):
            continue
        segment.set("state", "translated")
        yield _target(source, target, f"{{{version}}}target")


def _is_to_translate(element: Element) -> bool:
    """By the nearest element that says so."""
    for each in (element, *element.iterancestors()):
        if each.get("translate"):
            return bool(each.get("translate") != "no")
    return True


def _is_finished(target: Element | None, state: str | None) -> bool:
    return target is not None and not _is_empty(target) and state not in _UNTRANSLATED


def _is_empty(target: Element) -> bool:
    """Whether there is nothing in it, or nothing but the places for segments."""
    return not "".join(target.itertext()).strip() and all(_name(each) == "mrk" for each in target.iterdescendants())


def _target(source: Element, target: Element | None, name: str) -> Element:
    """The target element with the source in it, behind the source, or in the place of the old target."""
    made = source.makeelement(name, dict(target.attrib) if target is not None else {})
    copied = copy.deepcopy(source)
    made.text = copied.text
    made.extend(list(copied))
    if target is not None:
        made.tail = target.tail
        target.getparent().replace(target, made)
    else:
        before, parent = source.getprevious(), source.getparent()
        made.tail = source.tail
        source.addnext(made)
        if source.tail:  # as far indented as the source
            source.tail = parent.text if before is None else before.tail
    return made


def _name(element: Element) -> str:
    """Without its namespace; empty for comments and the like."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _kind(element: Element) -> Kind:
    name = _name(element)
    if name in _SPANS and element.get("translate") != "no" and element.get("mtype") != "protected":
        return "span"
    return "word" if name else "point"


def _mark(element: Element) -> Mark | None:
    name = _name(element)
    number = element.get("startRef") or element.get("rid") or element.get("id") or ""
    if name in _STARTS | _ENDS:
        return Mark(f"{'marker' if name in ('sm', 'em') else 'code'} {number}", name in _STARTS)
    if name == "x":  # Angular's
        edge, _, what = number.partition("_")
        if edge in ("START", "CLOSE") and what:
            return Mark(f"x {what}", edge == "START")
    return None


_VOCABULARY = Vocabulary(_kind, _mark)
XLIFF = DocumentFormat("xliff", (".xlf", ".xliff"), "application/xliff+xml", read)
