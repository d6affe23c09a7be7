"""Long sentences are cut between clauses: where, where not, and that nothing is lost."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from service.text.clauses import LEAST_PART, clauses

LONG = "The meeting was late, the minister said, but nobody left (not even Tom, who slept, or Ann); the press stayed"


def words(text: str) -> int:
    return len(text.split())


def cut(text: str, most: int, *, semicolons: bool = True) -> list[str]:
    return list(clauses(text, words, most, semicolons=semicolons, uncut=lambda: ()))


def test_a_long_sentence_is_halved_between_its_clauses() -> None:
    assert cut(LONG, 12) == [
        "The meeting was late, the minister said",
        ", ",
        "but nobody left (not even Tom, who slept, or Ann)",
        "; ",
        "the press stayed",
    ]
    assert cut(LONG, 12, semicolons=False) == [
        "The meeting was late, the minister said",
        ", ",
        "but nobody left (not even Tom, who slept, or Ann); the press stayed",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "In 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 13 steps it is done at last",
        "He paid 1,000 pounds for that,and nobody,as we all know,gave him any of it back",
        "However, nobody who had seen all of that would have said so to any of them",
        "It runs (on Linux, Windows, macOS and all the others, as they say) without any of that",
        "Nobody who had seen any of that would ever have said so to any of the others there",
        '"We are all going home now," said the man who was there at the time',
        "\u201cWe are all going home now,\u201d said the man who was there at the time",
        "It has x - y of them and well-known ones, 12 of which nobody has seen",
    ],
)
def test_numbers_single_words_and_brackets_are_no_clauses(text: str) -> None:
    assert cut(text, 8) == [text]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("«Wir gehen jetzt nach Hause», sagte er ihr, als es dunkel geworden war", ", "),
        ("a b c d e f g \u2013 h i j k l m", " \u2013 "),
        ("a b c d e f g  \u2014  h i j k l m", "  \u2014  "),
        ("a b c d e f g, \u201ch i j k l m\u201d", ", "),
    ],
)
def test_what_stands_between_clauses(text: str, mark: str) -> None:
    assert mark in cut(text, 8)[1::2]


@given(st.lists(st.tuples(st.integers(0, 42), st.integers(0, 12)), max_size=5))
def test_no_mark_has_anything_of_what_is_not_cut(stretches: list[tuple[int, int]]) -> None:
    text = ", ".join(["abcd"] * 8)
    uncut = [(start, start + length) for start, length in stretches if length]
    parts = list(clauses(text, lambda part: len(part) // 4, 1, semicolons=True, uncut=lambda: uncut))
    marks = [each.span() for each in regex.finditer(", ", text)]
    free = [mark for mark in marks if not any(start < mark[1] and mark[0] < end for start, end in uncut)]
    assert len(parts) == 2 * len(free) + 1


TEXTS = st.text(alphabet="ab1 ,;-\u2013\u2014()\"'»", max_size=80)


@given(TEXTS, st.integers(1, 12), st.booleans())
def test_nothing_is_lost(text: str, most: int, semicolons: bool) -> None:
    parts = cut(text, most, semicolons=semicolons)
    assert "".join(parts) == text
    assert len(parts) % 2 == 1
    for clause in parts[::2]:
        assert len(parts) == 1 or words(clause) >= max(most // LEAST_PART, 1)
    for mark in parts[1::2]:
        assert regex.fullmatch(r"(?:[,;]|\s+[\u2013\u2014])\s+", mark)
        assert semicolons or ";" not in mark
    if len(parts) > 1:
        assert words(text) > most


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 12))
def test_what_is_left_is_short_or_cannot_be_halved(lengths: list[int], most: int) -> None:
    """Every clause that is too long has no mark that would leave enough on both sides."""
    text = ", ".join(" ".join(["ab"] * length) for length in lengths)
    least = max(most // LEAST_PART, 1)
    for clause in cut(text, most)[::2]:
        sides = [(words(clause[: each.start()]), words(clause[each.end() :])) for each in regex.finditer(", ", clause)]
        assert words(clause) <= most or not any(min(side) >= least for side in sides)
