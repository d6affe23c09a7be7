"""Files of terms: TSV, CSV and TBX (ISO 30042, both of its dialects of elements)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from service.errors import InvalidRequestError
from service.text.glossary import GlossaryTerm, new_term

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
Rows = Iterator[tuple[str, str, str]]


def read_terms(content: bytes, kind: str, source: str, target: str) -> list[GlossaryTerm]:
    """The terms of a file from one language to another, in its order.

    kind: "tsv", "csv" or "tbx". Of a TSV or CSV the first two columns count; its first row may be a heading that says
    source and target, or the two language codes, in this order. Of a TBX each concept gives each of its terms
    in `source` all its terms in `target`, as forms to choose from.

    Raises:
        InvalidRequestError: not UTF-8, not of that kind, or a row that is no term; says which.
    """
    readers: dict[str, Callable[[], Rows]] = {
        "tsv": lambda: _rows(_text(content), source, target, delimiter="\t"),
        "csv": lambda: _rows(_text(content), source, target, delimiter=","),
        "tbx": lambda: _concepts(content, source, target),
    }
    terms = []
    for place, left, right in readers[kind]():
        try:
            terms.append(new_term(left.strip(), right.strip()))
        except InvalidRequestError as error:
            raise InvalidRequestError("glossary", f"{place}: {error}") from error
    return terms


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequestError("glossary", f"is not UTF-8: {error.reason} at byte {error.start}") from error


def _rows(text: str, source: str, target: str, *, delimiter: str) -> Rows:
    file = io.StringIO(text, newline="")
    if delimiter == "\t":
        reader = csv.reader(file, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
    else:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
    headings = (["source", "target"], [source.lower(), target.lower()])
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if reader.line_num == 1 and [cell.strip().lower() for cell in row[:2]] in headings:
                continue
            if len(row) < 2:
                raise InvalidRequestError(
                    "glossary", f"line {reader.line_num}: {row[0]!r} has one column; allowed: source and target"
                )
            yield f"line {reader.line_num}", row[0], row[1]
    except csv.Error as error:
        raise InvalidRequestError("glossary", f"line {reader.line_num}: {error}") from error


def _concepts(content: bytes, source: str, target: str) -> Rows:
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise InvalidRequestError("glossary", f"is not well-formed XML: {error}") from error
    if _name(root) not in ("tbx", "martif"):
        raise InvalidRequestError("glossary", f"its root element is {_name(root)!r}; allowed: 'tbx', 'martif'")
    for entry in root.iter():
        if _name(entry) in ("conceptEntry", "termEntry"):
            lefts, rights = _terms_in(entry, source), _terms_in(entry, target)
            for left in dict.fromkeys(lefts if rights else ()):
                yield f"line {entry.sourceline}", left, "|".join(dict.fromkeys(rights))


def _terms_in(entry: Any, language: str) -> list[str]:
    return [
        " ".join("".join(term.itertext()).split())
        for section in entry.iter()
        if _name(section) in ("langSec", "langSet") and _is_in(section, language)
        for term in section.iter()
        if _name(term) == "term"
    ]


def _is_in(section: Any, language: str) -> bool:
    """ "en-GB" counts as "en"."""
    code = str(section.get(_LANGUAGE) or "").lower()
    return code == language.lower() or code.partition("-")[0] == language.lower()


def _name(element: Any) -> str:
    """Without its namespace; empty for a comment and the like."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""
