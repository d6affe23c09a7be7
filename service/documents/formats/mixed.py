"""Elements with text and elements in them, as in OpenDocument and XLIFF, <-> inline content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from service.documents.inline import Point, Span, Word
from service.documents.xml_inline import Item, Mark, Pair, Raw, Shell, XmlInline, with_ranges
from service.documents.xml_trees import Element
from service.text.segmentation import has_letter

# Elements in elements; nobody writes more, and what is deeper is not translated.
_DEEPEST = 16

Kind = Literal["span", "word", "point", "text"]


@dataclass(frozen=True)
class Vocabulary:
    """kind: what an element is. mark: whether it begins or ends a range. text: of an element that stands for text."""

    kind: Callable[[Element], Kind]
    mark: Callable[[Element], Mark | None]
    text: Callable[[Element], str] = lambda _element: ""


def items_of(element: Element) -> list[Item]:
    """Texts and elements, in order."""
    items: list[Item] = [element.text] if element.text else []
    for child in element:
        items.append(child)
        if child.tail:
            items.append(child.tail)
    return items


def inline_of(items: Sequence[Item], vocabulary: Vocabulary, depth: int = 0) -> list[XmlInline]:
    """The inline content that items are."""

    def one(item: Item) -> Iterator[XmlInline]:
        if isinstance(item, str):
            yield item
            return
        kind = vocabulary.kind(item)
        if kind == "text":
            yield vocabulary.text(item)
        elif kind == "span" and depth < _DEEPEST and (len(item) or item.text):
            yield Span(Shell(item, item), tuple(inline_of(items_of(item), vocabulary, depth + 1)))
        else:
            yield Word(Raw((item,))) if kind == "word" else Point(Raw((item,)))

    marks = [None if isinstance(item, str) else vocabulary.mark(item) for item in items]
    return with_ranges(items, marks, one, lambda some: speaks(some, vocabulary))


def speaks(items: Iterable[Item], vocabulary: Vocabulary) -> bool:
    """Whether there is text to translate."""
    pending = list(items)
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if has_letter(item):
                return True
        elif vocabulary.kind(item) == "span":
            pending += items_of(item)
    return False


def append(
    parent: Element,
    content: Iterable[XmlInline],
    text: Callable[[Element, str], None],
    adopted: Callable[[Element], Element],
) -> None:
    """Add inline content to an element; `text` adds what is text, `adopted` makes a child of what is kept."""
    for each in content:
        if isinstance(each, str):
            text(parent, each)
        elif isinstance(each.key, Raw):
            append_items(parent, each.key.elements, adopted)
        elif isinstance(each, Span) and isinstance(each.key, Shell):
            shell = each.key.element
            child = parent.makeelement(shell.tag, dict(shell.attrib), shell.nsmap)
            parent.append(child)
            append(child, each.inside, text, adopted)
        elif isinstance(each, Span) and isinstance(each.key, Pair):
            append_items(parent, each.key.before, adopted)
            append(parent, each.inside, text, adopted)
            append_items(parent, each.key.after, adopted)


def append_items(parent: Element, items: Iterable[Item], adopted: Callable[[Element], Element]) -> None:
    """Add items to an element."""
    for item in items:
        if isinstance(item, str):
            append_text(parent, item)
        else:
            child = adopted(item)
            child.tail = None
            parent.append(child)


def append_text(parent: Element, text: str) -> None:
    """Add text to an element."""
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
