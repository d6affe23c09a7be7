"""What inline formatting is in XML: the keys of inline content, and pairs of elements that enclose what is between."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from service.documents.inline import Inline, Point, Span, Word
from service.documents.xml_trees import Element

# What stands side by side in an element.
Item: TypeAlias = "Element | str"
# Ranges in ranges; nobody writes more.
_DEEPEST = 16


@dataclass(frozen=True, eq=False)
class Raw:
    """Elements that stay as they are, one behind the other, and text between them."""

    elements: tuple[Item, ...]


@dataclass(frozen=True, eq=False)
class Shell:
    """An element around others. hole: the element in it that holds them, or itself."""

    element: Element
    hole: Element


@dataclass(frozen=True, eq=False)
class Pair:
    """What is between two stretches of elements, such as the two marks of a bookmark."""

    before: tuple[Item, ...]
    after: tuple[Item, ...]


@dataclass(frozen=True, eq=False)
class Style:
    """The formatting of a run like `run`."""

    run: Element


XmlKey = Raw | Shell | Pair | Style
XmlInline = Inline[XmlKey]


@dataclass(frozen=True)
class Mark:
    """An element that begins or ends a range. name: of the range, the same at both. starts: which of them it is.
    middle: it is between them, and what is before it belongs to the beginning. strong: others that cross a range of
    this kind are taken apart, not this one, and without text it is a word, unless it is `unseen`. number: what is in
    it is one, whatever it looks like."""

    name: str
    starts: bool = False
    middle: bool = False
    strong: bool = False
    unseen: bool = False
    number: bool = False


@dataclass(frozen=True)
class Ranges:
    """Indices of items: start -> (where what is inside begins, end). loose: marks whose partner is elsewhere."""

    inside: dict[int, tuple[int, int]]
    loose: frozenset[int]


def find_ranges(marks: Sequence[Mark | None]) -> Ranges:
    """Which of the items, some of which are marks, enclose others; no range crosses another."""
    inside: dict[int, tuple[int, int]] = {}
    loose: set[int] = set()
    opened: list[tuple[int, Mark]] = []
    middles: dict[int, int] = {}
    for index, mark in enumerate(marks):
        if mark is None:
            continue
        if mark.starts:
            if len(opened) < _DEEPEST:
                opened.append((index, mark))
            else:
                loose.add(index)
            continue
        place = next((i for i in reversed(range(len(opened))) if opened[i][1].name == mark.name), None)
        if place is None:
            loose.add(index)
        elif mark.middle:
            middles[opened[place][0]] = index
        elif place == len(opened) - 1 or mark.strong:
            loose.update(each for each, _mark in opened[place + 1 :])
            start = opened[place][0]
            inside[start] = (middles.get(start, start) + 1, index)
            del opened[place:]
        else:
            loose.update((opened.pop(place)[0], index))
    loose.update(index for index, _mark in opened)
    return Ranges(inside, frozenset(loose))


def with_ranges(
    items: Sequence[Item],
    marks: Sequence[Mark | None],
    content: Callable[[Item], Iterable[XmlInline]],
    speaks: Callable[[Iterable[Item]], bool],
) -> list[XmlInline]:
    """The inline content of items, with what ranges enclose in spans. speaks: whether items have text.

    Loose marks go to the edge, so that no range ends before it begins.
    """
    ranges = find_ranges(marks)
    found: list[XmlInline] = []
    late: list[XmlInline] = []

    def build(first: int, last: int) -> list[XmlInline]:
        built: list[XmlInline] = []
        index = first
        while index < last:
            if index in ranges.inside:
                start, end = ranges.inside[index]
                elements = tuple(items[index : end + 1])
                mark = marks[index]
                if speaks(items[start:end]) and not (mark is not None and mark.number):
                    pair = Pair(tuple(items[index:start]), (items[end],))
                    built.append(Span(pair, tuple(build(start, end))))
                else:
                    word = mark is not None and mark.strong and not mark.unseen
                    built.append(Word(Raw(elements)) if word else Point(Raw(elements)))
                index = end
            elif index in ranges.loose:
                mark = marks[index]
                (found if mark and mark.starts else late).append(Point(Raw((items[index],))))
            else:
                built += content(items[index])
            index += 1
        return built

    middle = build(0, len(items))
    return merged([*found, *middle, *late])


def merged(content: Sequence[XmlInline]) -> list[XmlInline]:
    """Neighbours that are kept as they are become one, so that they stay in their order; so do strings."""
    found: list[XmlInline] = []
    for kind, group in itertools.groupby(content, key=lambda each: "kept" if _is_kept(each) else type(each).__name__):
        some = list(group)
        if kind == "str":
            found.append("".join(map(str, some)))
        elif kind == "kept" and len(some) > 1:
            found.append(Point(Raw(tuple(itertools.chain.from_iterable(map(_elements, some))))))
        else:
            found += some
    return found


def _is_kept(each: XmlInline) -> bool:
    return isinstance(each, Point | Word)


def _elements(each: XmlInline) -> tuple[Item, ...]:
    assert not isinstance(each, str)
    assert isinstance(each.key, Raw)
    return each.key.elements
