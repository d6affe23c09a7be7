"""Plain text that was broken into lines: a paragraph is one text, and whatever has lines of its own keeps them."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.documents.formats.text import TEXT
from tests.unit.service.documents.turning import read, turn_text

PROSE = (
    "The service keeps what the encoder made of a source for the next key, since whoever types a prefix asks for the "
    "same sentence again and again. Nobody waits for the longest sentence of a batch. When a slot is free, up to eight "
    "more segments than fit are encoded along, because encoding together costs much less than one by one."
)
ITEM = "an item of a list that is long enough to be broken into two lines, and that goes on with these words here"
WIDTHS = (60, 72, 79)


def filled(text: str, width: int, first: str = "", others: str = "") -> str:
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=others)


def texts(content: str) -> list[str]:
    return [segment.text for segment in read(TEXT, content).segments]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_paragraph_is_one_text_and_gets_lines_again(width: int, newline: str) -> None:
    content = "\n\n".join(
        ["A TITLE", filled(PROSE, width), filled(PROSE, width, "    "), filled(PROSE, width, "  ", "  ")]
    )
    content = content.replace("\n", newline)
    assert texts(content) == ["A TITLE", PROSE, PROSE, PROSE]
    turned = turn_text(TEXT, content)
    assert max(map(len, turned.split(newline))) <= width
    turned_prose = " ".join(reversed(PROSE.split()))
    paragraphs = turned.split(newline * 2)
    assert [" ".join(each.split()) for each in paragraphs] == ["TITLE A", turned_prose, turned_prose, turned_prose]
    assert paragraphs[2].startswith("    one. by one")
    assert all(line.startswith("  ") and line[2] != " " for line in paragraphs[3].split(newline))
    assert ("\r" in turned) == (newline == "\r\n")


def test_items_of_a_list_are_texts_of_their_own() -> None:
    items = "\n".join([filled(f"{ITEM} too", 60, "  - ", "    "), "  - short", filled(ITEM, 60, "  2. ", "     ")])
    assert texts(f"{filled(PROSE, 60)}\n\n{items}\n") == [PROSE, f"{ITEM} too", "  - short", ITEM]
    turned = turn_text(TEXT, f"{filled(PROSE, 60)}\n\n{items}\n")
    assert "\n  - too here words these" in turned
    assert "\n    " in turned.split("  - ")[1]


@pytest.mark.parametrize(
    "content",
    [
        "one two\nthree four\nfive six",
        "\n".join(["Select a file to open from the list of recent files below"] * 5),
        "\n".join(
            ["select a file to open from the list of recent files below.", "open a file", "save it as another one"] * 3
        ),
        "Roses are red and violets are blue, and sugar is sweet\nAs honey in the comb, which is to say that\nIt is so.",
        "\n".join(
            [
                "the name      of a column that has more of them in every line",
                "and another   cell of that column here in it",
            ]
            * 3
        ),
        "\n".join(
            [
                "a key that is long enough to be a line:\ta value of it, as it is",
                "and another one of the same length\tin it",
            ]
            * 3
        ),
        "\n".join(
            f"name{'x' * (7 * count % 30)}:x:{count}:of:/var/lib/somewhere:/usr/sbin/nologin" for count in range(9)
        ),
        "\n".join(f"some words{' in it' * (7 * count % 9)} and/{'x' * 60}" for count in range(9)),
        "in a narrow column\nof a newspaper, no\nsentence is whole\nin its line",
        "\n".join(PROSE.split(". ")),
    ],
)
def test_lines_that_stand_for_themselves_stay_so(content: str) -> None:
    assert texts(content) == content.split("\n")


def test_a_line_that_ends_in_a_broken_word_or_in_spaces_is_not_joined() -> None:
    lines = filled(PROSE, 72).split("\n")
    for end in (" half-", "  "):
        broken = "\n".join([lines[0] + end, *lines[1:]])
        assert texts(broken)[1:] == [" ".join(lines[1:])]
        first = turn_text(TEXT, broken).split("\n")[0]
        assert sorted(first.split()) == sorted((lines[0] + end).split())
        assert first.endswith("  ") == (end == "  ")


@given(
    st.lists(
        st.sampled_from(
            [*PROSE.split()[:20], "\n", "\n\n", "- ", "  ", "\t", "\r\n", "\x0c", "1. ", ITEM, filled(PROSE, 60)]
        )
    ),
)
def test_what_is_not_translated_comes_back(parts: list[str]) -> None:
    content = " ".join(parts)
    document = read(TEXT, content)
    assert document.write([segment.text for segment in document.segments], "ru").decode() == content
    turned = turn_text(TEXT, content)
    assert sorted(turned.split()) == sorted(content.split())


def test_a_paragraph_without_an_end_is_several_texts() -> None:
    content = filled(" ".join([PROSE] * 100), 72)
    assert max(map(len, texts(content))) <= 10_000
    assert " ".join(texts(content)) == " ".join([PROSE] * 100)
