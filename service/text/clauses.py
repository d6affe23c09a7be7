"""Cuts a long sentence between clauses, which a network that loses the thread of long sentences translates better.

After Pouget-Abadie et al. 2014 (arXiv 1409.1257), who look for the parts that a network is surest of; here the author's
own marks say where a clause ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate

import regex

# A clause that is cut off is at least this part of what a sentence may have uncut: "however," is no clause.
LEAST_PART = 4
# A comma or semicolon, or a dash (no hyphen, which may be a minus) between spaces; a word has to follow: digits and the
# like are parts of lists. No quotation ends at one (“Yes,” she said), since each language has its own signs for that.
_MARK = regex.compile(r"(?:(?<=[\p{L}\p{N}\p{M})\]\"'»”’])[,;]|\s+[\u2013\u2014])\s+(?=[\"'«»“„‘(]*\p{L})")
_BRACKET = regex.compile(r"[()\[\]]")


def clauses(
    sentence: str,
    count_tokens: Callable[[str], int],
    most: int,
    *,
    semicolons: bool,
    uncut: Callable[[], Iterable[tuple[int, int]]],
) -> Iterator[str]:
    """Clauses and the marks between them in turn, which concatenate to exactly `sentence`.

    Halved at the mark nearest to its middle, as are the halves, while there are more than `most` tokens: a quarter of
    that is the least that a clause has. Not within brackets. semicolons: whether they are marks too. uncut: within
    which stretches of the sentence none is.
    """
    marks = list(_marks(sentence, semicolons))
    if marks:
        marks = list(_outside(marks, sorted(uncut())))
    starts = [0, *(end for _start, end in marks)]
    ends = [*(start for start, _end in marks), len(sentence)]
    # Of each stretch between two marks, so that time is linear.
    tokens = [0, *accumulate(count_tokens(sentence[start:end]) for start, end in zip(starts, ends, strict=True))]
    cuts = sorted(_cuts(tokens, 0, len(starts), most))
    begin = 0
    for cut in cuts:
        start, end = marks[cut - 1]
        yield sentence[begin:start]
        yield sentence[start:end]
        begin = end
    yield sentence[begin:]


def _outside(marks: Iterable[tuple[int, int]], uncut: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The marks that have nothing of any stretch. Both are in order."""
    number = furthest = 0
    for start, end in marks:
        while number < len(uncut) and uncut[number][0] < end:
            furthest = max(furthest, uncut[number][1])
            number += 1
        if furthest <= start:
            yield start, end


def _cuts(tokens: list[int], first: int, last: int, most: int) -> Iterator[int]:
    """Before which stretches those from `first` to before `last` are cut. tokens: before each stretch."""
    if tokens[last] - tokens[first] <= most:
        return
    least = max(most // LEAST_PART, 1)
    places = [
        place
        for place in range(first + 1, last)
        if tokens[place] - tokens[first] >= least and tokens[last] - tokens[place] >= least
    ]
    if places:
        middle = tokens[first] + tokens[last]
        cut = min(places, key=lambda place: abs(2 * tokens[place] - middle))
        yield cut
        yield from _cuts(tokens, first, cut, most)
        yield from _cuts(tokens, cut, last, most)


def _marks(sentence: str, semicolons: bool) -> Iterator[tuple[int, int]]:
    depth, read = 0, 0
    for match in _MARK.finditer(sentence):
        for bracket in _BRACKET.findall(sentence, read, match.start()):
            depth = depth + 1 if bracket in "([" else max(depth - 1, 0)
        read = match.start()
        if depth == 0 and (semicolons or not match[0].startswith(";")):
            yield match.span()
