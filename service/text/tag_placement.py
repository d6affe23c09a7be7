"""Puts the tags of a run into its translation: around the words that translate what they were around.

An element becomes the stretch of the target with the most words that come from it and the fewest that do not. Elements
stay inside their parents and beside their neighbours, so that none is lost, doubled or crossed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.text.edits import Edit, EditedText, Span
from service.text.markup import Mark, Run
from service.text.words import is_word, word_spans

# How many words in front of a tag, and behind it, are asked for its place.
_NEIGHBOURS = 8


def place_tags(run: Run, target: str, links: Sequence[tuple[Span, Span]]) -> str:
    """The translation of a run as HTML.

    Args:
        target: its text. links: (source span, target span) of words, those of the target in order.
    """
    done, parts = 0, []
    for edit in with_tags(run, target, links).edits:
        parts += [run.escape(target[done : edit.start]), edit.text]
        done = edit.start
    return "".join(parts) + run.escape(target[done:])


def with_tags(run: Run, target: str, links: Sequence[tuple[Span, Span]]) -> EditedText:
    """The translation of a run, a text that is not HTML, with its tags in it. Arguments as of place_tags."""
    links = _cut(run, target, links)
    words = _Words(run.text, target, links)
    writer = _Writer(run.text, target, [span for _source, span in links])
    writer.write(_placed(_nodes(run, range(len(run.marks))), 0, len(links), words), 0, len(links))
    return EditedText(target, writer.tags)


@dataclass(frozen=True)
class _Node:
    """An element over [start, end) of the source text; or, without `close`, what has only a place."""

    open: str
    start: int
    end: int
    close: str | None = None
    children: tuple[_Node, ...] = ()
    before: bool = False
    after: bool = False


@dataclass(frozen=True)
class _Placed:
    """A node over words [first, last) of the target."""

    node: _Node
    first: int
    last: int
    children: tuple[_Placed, ...]


def _cut(run: Run, target: str, links: Sequence[tuple[Span, Span]]) -> list[tuple[Span, Span]]:
    """Words that the target has as the source has them in two where a tag is in them, as in H<sub>2</sub>O."""
    positions = [mark.position for mark in run.marks]
    cut: list[tuple[Span, Span]] = []
    for (start, end), there in links:
        inside = sorted(set(positions[bisect_right(positions, start) : bisect_left(positions, end)]))
        word, written, moved = run.text[start:end], target[slice(*there)], there[0] - start
        if inside and len(word) == len(written) and word.casefold() == written.casefold():
            places = [start, *inside, end]
            cut += [((a, b), (a + moved, b + moved)) for a, b in pairwise(places)]
        else:
            cut.append(((start, end), there))
    return cut


def _nodes(run: Run, between: range) -> tuple[_Node, ...]:
    nodes: list[_Node] = []
    index = between.start
    while index < between.stop:
        mark, last = run.marks[index], run.marks[index].partner
        if last is None:
            nodes.append(_point(run.marks[index : index + 1]))
        elif run.text[mark.position : run.marks[last].position].strip():
            inside = _nodes(run, range(index + 1, last))
            close = run.marks[last]
            nodes.append(_Node(mark.source, mark.position, close.position, close.source, inside))
        else:
            nodes.append(_point(run.marks[index : last + 1]))
        index = (index if last is None else last) + 1
    return tuple(nodes)


def _point(marks: Sequence[Mark]) -> _Node:
    source = "".join(mark.source for mark in marks)
    return _Node(source, marks[0].position, marks[0].position, before=marks[0].before, after=marks[-1].after)


class _Words:
    """The words of the target by where they come from in the source."""

    def __init__(self, source: str, target: str, links: Sequence[tuple[Span, Span]]) -> None:
        self._source = source
        self._is_word = [is_word(target, span) for _source, span in links]
        by_source = sorted((source, index) for index, (source, _target) in enumerate(links))
        self._indices = [index for _source, index in by_source]
        self._starts = [source[0] for source, _index in by_source]
        self._ends = [source[1] for source, _index in by_source]

    def of(self, start: int, end: int) -> list[int]:
        """Target words that come from [start, end) of the source, in order."""
        return sorted(self._indices[bisect_right(self._ends, start) : bisect_left(self._starts, end)])

    def instead(self, node: _Node, place: int, between: range, taken: set[int]) -> Span | None:
        """The free word nearest to a place, for an element that holds words: they are not to become punctuation."""
        holds = word_spans(self._source[node.start : node.end])
        if not any(is_word(self._source, (node.start + start, node.start + end)) for start, end in holds):
            return None
        free = (index for index in between if index not in taken and self.says(index))
        word = min(free, key=lambda index: (abs(index - place), -index), default=None)
        return None if word is None else (word, word + 1)

    def says(self, index: int) -> bool:
        """Whether that one of the target is no punctuation mark."""
        return self._is_word[index]

    def place(self, position: int, first: int, last: int) -> int:
        """Which of the target words [first, last) what stands at `position` of the source comes in front of."""
        behind = bisect_right(self._ends, position)
        before = [i for i in self._indices[max(behind - _NEIGHBOURS, 0) : behind] if first <= i < last]
        if before:
            return before[-1] + 1
        ahead = bisect_left(self._starts, position)
        after = [i for i in self._indices[ahead : ahead + _NEIGHBOURS] if first <= i < last]
        return after[0] if after else first


def _placed(nodes: Iterable[_Node], first: int, last: int, words: _Words) -> tuple[_Placed, ...]:
    """Nodes that are siblings, in the order of the target."""
    sources = [(node, [i for i in words.of(node.start, node.end) if first <= i < last]) for node in nodes]
    placed: list[tuple[int, int, int, _Node]] = []
    taken: set[int] = set()
    # Those with most words choose first; what has none takes what is left.
    for order, (node, own) in sorted(enumerate(sources), key=lambda each: (each[1][0].close is None, -len(each[1][1]))):
        window = _best_window(own, taken) if node.close is not None else None
        place = words.place(node.start, first, last)
        if node.close is not None and (window is None or not any(map(words.says, range(*window)))):
            window = words.instead(node, place, range(first, last), taken) or window
        if window is None:
            while place in taken and place - 1 in taken:  # not into the middle of a neighbour
                place += 1
            window = (place, place + (node.close is not None and place < last and place not in taken))
        taken.update(range(*window))
        placed.append((*window, order, node))
    return tuple(
        _Placed(node, start, end, _placed(node.children, start, end, words))
        for start, end, _order, node in sorted(placed, key=lambda each: each[:3])
    )


def _best_window(own: Sequence[int], taken: set[int]) -> Span | None:
    """The stretch with the most of `own` words less the others in it, none of them taken."""
    best: Span | None = None
    best_score = score = start = 0
    previous: int | None = None
    for word in own:
        if word in taken:
            previous = None
            continue
        others = 0 if previous is None else word - previous - 1
        if previous is None or others >= score or any(each in taken for each in range(previous + 1, word)):
            start, score = word, 0
        else:
            score -= others
        score, previous = score + 1, word
        if score > best_score:
            best, best_score = (start, word + 1), score
    return best


class _Writer:
    """Puts tags between the words of the target, from left to right."""

    def __init__(self, source: str, target: str, words: Sequence[Span]) -> None:
        self._target = target
        self._words = words
        self._begins_with_space = source[:1].isspace() and target[:1].isspace()
        self._done = 0
        self.tags: list[Edit] = []

    def write(self, placed: Sequence[_Placed], first: int, last: int) -> None:
        """Siblings inside a parent of words [first, last)."""
        for each in placed:
            node = each.node
            if each.first < each.last:
                self._tag(self._words[each.first][0], node.open)
                self.write(each.children, each.first, each.last)
                self._tag(self._words[each.last - 1][1], node.close or "")
            else:
                behind = each.first > first
                place = self._place(node, each.first, first, last)
                self._tag(place, self._spaced(node, place, behind=behind))
                self.write(each.children, each.first, each.first)
                self._tag(self._done, node.close or "")

    def _place(self, node: _Node, word: int, first: int, last: int) -> int:
        """Behind the word in front of it, unless that is not in the parent; in front of the space that all begins with
        if it stood there."""
        if word > first:
            return self._words[word - 1][1]
        if node.start == 0 and word == 0 and self._begins_with_space:
            return 0
        return self._words[word][0] if word < last else self._done

    def _spaced(self, node: _Node, place: int, *, behind: bool) -> str:
        """What had white space around it has it again; the space of the target follows by itself, unless what has come
        to stand there is in front of a word."""
        follows = self._target[max(place, self._done) :][:1]
        after = node.after and not behind and bool(follows) and not follows.isspace()
        return (" " if node.before and behind else "") + node.open + (" " if after else "")

    def _tag(self, place: int, tag: str) -> None:
        self._done = max(place, self._done)
        self.tags.append(Edit(self._done, self._done, tag))
