"""Paragraphs that consist of runs, each with its formatting: WordprocessingML and DrawingML.

An editor cuts text into runs wherever it was touched, so runs of the same formatting are one, and the formatting that
most of a paragraph has is no markup. Line breaks and tabs stay where they are, and what is between them is translated
by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

from service.documents.formats.run_reading import (
    XML_SPACE,
    Dialect,
    RunReader,
    hides_spaces,
    hole_of,
    mark_of,
    name,
    speaks,
    without_style,
)
from service.documents.inline import InlineText, Span
from service.documents.xml_inline import Raw, Shell, Style, XmlInline, XmlKey
from service.documents.xml_trees import Element


class Stretch:
    """What is translated of a paragraph as one text, and the elements in `parent` that it is now. plain: the usual
    style."""

    def __init__(
        self,
        parent: Element,
        elements: Sequence[Element],
        dialect: Dialect,
        content: Iterable[XmlInline],
        plain: Style,
    ) -> None:
        self._parent = parent
        self._elements = elements
        self._dialect = dialect
        self._plain = plain
        self._inline: InlineText[XmlKey] = InlineText(without_style(content, plain), hides_spaces)
        self.segment = self._inline.segment

    def fill(self, text: str) -> None:
        """Put the translation of the segment in its place."""
        content = self._inline.parse(text)
        here = self._parent.makeelement("here")
        self._elements[0].addprevious(here)
        for element in self._elements:
            self._parent.remove(element)
        for element in self._written(content, self._plain):
            here.addprevious(element)
        self._parent.remove(here)

    def _written(self, content: Iterable[XmlInline], style: Style) -> Iterator[Element]:
        for each in content:
            if isinstance(each, str):
                if each:
                    yield self._run(each, style)
            elif isinstance(each.key, Raw):
                yield from each.key.elements
            elif isinstance(each, Span):
                inside = list(self._written(each.inside, each.key if isinstance(each.key, Style) else style))
                if isinstance(each.key, Shell):
                    for child in list(each.key.hole):
                        each.key.hole.remove(child)
                    each.key.hole.extend(inside)
                    yield each.key.element
                elif isinstance(each.key, Style):
                    yield from inside
                else:
                    assert not isinstance(each.key, Raw)
                    yield from (*each.key.before, *inside, *each.key.after)

    def _run(self, text: str, style: Style) -> Element:
        run = style.run.makeelement(style.run.tag, dict(style.run.attrib), style.run.nsmap)
        node: Element | None = None
        for child in style.run:
            if name(child) == self._dialect.properties:
                run.append(copy.deepcopy(child))
            elif name(child) == self._dialect.text and node is None:
                node = run.makeelement(child.tag)
        assert node is not None
        node.text = text
        if self._dialect.text == "w:t" and text != text.strip():
            node.set(XML_SPACE, "preserve")
        run.append(node)
        return run


def stretches(paragraph: Element, dialect: Dialect) -> Iterator[Stretch]:
    """Those of one paragraph; paragraphs inside of it, as in a text box, are none of its text."""
    if not speaks([paragraph], dialect):
        return
    for run in list(_runs(paragraph, dialect)):
        _split(run, dialect)
    yield from _between_breaks(paragraph, dialect)


def _between_breaks(parent: Element, dialect: Dialect) -> Iterator[Stretch]:
    group: list[Element] = []
    for element, fixed in zip(list(parent), [*_fixed(list(parent), dialect)], strict=True):
        if not fixed:
            group.append(element)
            continue
        yield from _stretch(parent, group, dialect)
        group = []
    yield from _stretch(parent, group, dialect)


def _stretch(parent: Element, group: Sequence[Element], dialect: Dialect) -> Iterator[Stretch]:
    speaking = [element for element in group if speaks([element], dialect)]
    hole = hole_of(speaking[0], dialect) if len(speaking) == 1 else None
    if hole is not None and any(_fixed(list(hole), dialect)):  # a link with a tab, as in a table of contents
        yield from _between_breaks(hole, dialect)
        return
    reader = RunReader(dialect)
    content = reader.content(group, 0) if speaking else []
    plain = reader.usual_style()
    if plain is not None:
        yield Stretch(parent, group, dialect, content, plain)


def _split(run: Element, dialect: Dialect) -> None:
    """Give each child that is no text a run of its own."""
    children = [child for child in run if name(child) != dialect.properties]
    if len(children) < 2 or all(name(child) == dialect.text for child in children):
        return
    properties = [child for child in run if name(child) == dialect.properties]
    parent = run.getparent()
    assert parent is not None
    parts: list[Element] = []
    for child in children:
        is_text = name(child) == dialect.text
        if not (is_text and parts and name(parts[-1][-1]) == dialect.text):
            part = run.makeelement(run.tag, dict(run.attrib), run.nsmap)
            part.extend([copy.deepcopy(each) for each in properties])
            parts.append(part)
        parts[-1].append(child)
    for part in parts:
        run.addprevious(part)
    parent.remove(run)


def _fixed(elements: Sequence[Element], dialect: Dialect) -> Iterator[bool]:
    """Which of the elements of a paragraph stay where they are: breaks, and fields that go beyond it."""
    marks = [mark_of(element) for element in elements]
    depth = 0
    unpaired: set[int] = set()
    opened: list[int] = []
    for index, mark in enumerate(marks):
        if mark is not None and mark.name == "field":
            if mark.starts:
                opened.append(index)
            elif not mark.middle and opened:
                opened.pop()
            elif not opened:
                unpaired.add(index)
    unpaired.update(opened)
    for index, (element, mark) in enumerate(zip(elements, marks, strict=True)):
        if index in unpaired:
            yield True
            continue
        if mark is not None and mark.name == "field" and not mark.middle:
            depth += 1 if mark.starts else -1
        kind = name(element)
        special = name(element[-1]) if kind == dialect.run and len(element) else kind
        instruction = special == "w:instrText" and not depth
        middle = mark is not None and mark.middle and not depth
        yield kind in dialect.fixed or (special in dialect.fixed and not depth) or instruction or middle


def _runs(element: Element, dialect: Dialect) -> Iterator[Element]:
    """Those of a paragraph, and not of paragraphs inside of it."""
    pending = list(element)
    while pending:
        child = pending.pop()
        if name(child) == dialect.run:
            yield child
        elif name(child) != dialect.paragraph:
            pending.extend(child)
