"""Translation memories (TMX 1.1 to 1.4b), read as a stream, plain or packed by gzip or xz."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from lxml import etree

from training.corpora.compression import open_corpus
from training.corpora.errors import CorpusError
from training.corpora.language import speaks
from training.corpora.pair import BadLine, Items, SentencePair

_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_XML_SPACE = re.compile(r"[ \t\r\n]+")
# What these hold is the markup of the original document, or text that flows elsewhere; `hi` holds text.
_CODES = frozenset({"bpt", "ept", "it", "ph", "ut"})
_BREAKS = frozenset({"lb", "pb", "x-lb", "x-br"})


class _EntityError(Exception):
    """A segment refers to an entity that the reader does not expand."""


def read_tmx(path: Path, left: str, right: str) -> Items:
    """Pairs of one translation memory; every variant in `left` with every variant in `right` of the same unit.

    White space is XML's: a run of it is one space. A unit without one of the languages is a BadLine, as is one that
    refers to an entity of the file's own: none is expanded or loaded, so a file can neither grow nor reach out.

    Raises:
        CorpusError: not well-formed XML, no TMX, or a damaged file.
    """
    with open_corpus(path) as file:
        try:
            for number, unit in enumerate(_units(file, path), start=1):
                yield from _pairs(unit, left, right, f"{path}:{unit.sourceline} unit {number}")
        except etree.XMLSyntaxError as error:
            raise CorpusError(f"{path}: not well-formed XML: {error}") from error


def _units(file: Any, path: Path) -> Iterator[Any]:
    """The <tu> elements, each freed when the next one is asked for."""
    parsing = etree.iterparse(
        file, events=("start", "end"), resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True
    )
    _, root = next(parsing)
    if _name(root) != "tmx":
        raise CorpusError(f"{path}: is no TMX: its root element is {root.tag!r}; allowed: 'tmx'")
    for event, element in parsing:
        if event == "end" and _name(element) == "tu":
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]


def _pairs(unit: Any, left: str, right: str, place: str) -> Iterator[SentencePair | BadLine]:
    try:
        lefts, rights = _variants(unit, left), _variants(unit, right)
    except _EntityError:
        yield BadLine(place, "undefined_entity")
        return
    if not lefts or not rights:
        yield BadLine(place, "missing_language")
    for pair in product(lefts, rights):
        yield SentencePair(*pair)


def _variants(unit: Any, language: str) -> list[str]:
    """Texts of the unit's <tuv> elements in a language."""
    return [
        _XML_SPACE.sub(" ", _text(segment)).strip(" ")
        for variant in unit
        if _name(variant) == "tuv" and speaks(variant.get(_XML_LANG) or variant.get("lang") or "", language)
        for segment in variant
        if _name(segment) == "seg"
    ]


def _text(element: Any) -> str:
    """The element's text without the codes of inline markup; a code that breaks the line becomes a space."""
    parts = [element.text or ""]
    for child in element:
        name = _name(child)
        if name is None and child.tag is etree.Entity:
            raise _EntityError
        if name in _CODES:
            parts.append(" " if child.get("type") in _BREAKS else "")
        elif name is not None:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _name(node: Any) -> str | None:
    """An element's name without its namespace; None for entities, comments and processing instructions."""
    return etree.QName(node).localname if isinstance(node.tag, str) else None
