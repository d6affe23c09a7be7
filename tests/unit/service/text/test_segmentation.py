"""Segmentation: nothing is lost, nothing is too long, sentences are sentences."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from service.text.segmentation import Piece, split_text

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
# Much white space, punctuation and combining marks: where the cuts are.
HARD_TEXT = st.text(alphabet="aбc ñ.!?;,\n\r\t\u00a0\u2028\x00\u0301\u200d👩👨一。'\"(){}%", max_size=200)


def bytes_as_tokens(text: str) -> int:
    """The worst tokenizer there is: every byte a token, and one in front."""
    return len(text.encode()) + 1


def words_as_tokens(text: str) -> int:
    return len(text.split()) + 1


def split(text: str, max_tokens: int = 12) -> list[Piece]:
    return split_text(text, language="en", count_tokens=bytes_as_tokens, max_tokens=max_tokens)


def sentences(text: str, language: str = "en") -> list[str]:
    pieces = split_text(text, language=language, count_tokens=words_as_tokens, max_tokens=1000)
    return [piece.text for piece in pieces if piece.translate]


@settings(deadline=None, max_examples=300)
@given(text=ANY_TEXT | HARD_TEXT, max_tokens=st.integers(5, 40), language=st.sampled_from(["en", "ru", "de", "xx"]))
def test_pieces_join_to_the_text_and_fit(text: str, max_tokens: int, language: str) -> None:
    pieces = split_text(text, language=language, count_tokens=bytes_as_tokens, max_tokens=max_tokens)
    assert "".join(piece.text for piece in pieces) == text
    for piece in pieces:
        assert piece.text
        if piece.translate:
            assert piece.text == piece.text.strip()
            assert not regex.search(r"\p{Cc}", piece.text)
            assert regex.search(r"\p{L}", piece.text)
            assert bytes_as_tokens(piece.text) <= max_tokens


@settings(deadline=None)
@given(text=st.text(alphabet="aбcñ,.e\u0301", max_size=300))
def test_no_grapheme_is_cut(text: str) -> None:
    pieces = split(text)
    boundaries = {match.end() for match in regex.finditer(r"\X", text)}
    end = 0
    for piece in pieces:
        end += len(piece.text)
        fits_whole = all(len(cluster.encode()) < 12 for cluster in regex.findall(r"\X", text))
        assert end in boundaries or not fits_whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Smith left. He was late!", ["Mr. Smith left.", "He was late!"]),
        ("  One.\n\n\tTwo.  \n", ["One.", "Two."]),
        ("Name\tValue", ["Name", "Value"]),
        ("    Name    The value  of it   ", ["Name", "The value  of it"]),
        ("- One\n  * Two\n\t1. Three\n10) Four\n(a) Five\nb) Six", ["One", "Two", "Three", "Four", "Five", "Six"]),
        ("# One\n> - Two\n- [x] Three\n— Four", ["One", "Two", "Three", "Four"]),
        ("-One\n1.5 apples\nA. Smith left", ["-One", "1.5 apples", "A. Smith left"]),
        ("2021. It was then", ["It was then"]),
        ("Null\x00byte", ["Null", "byte"]),
        ("", []),
        (" \n\t ", []),
        ("--- *** 42 %", []),
        ("👍 🎉", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_sentences_of_other_scripts() -> None:
    assert sentences("Привет. Как дела?", "ru") == ["Привет.", "Как дела?"]
    assert sentences("你好。世界!", "zh") == ["你好。", "世界!"]


def test_a_long_sentence_is_cut_behind_punctuation_then_white_space() -> None:
    assert [p.text for p in split("one two, three four", 16) if p.translate] == ["one two,", "three four"]
    assert [p.text for p in split("one two three four", 16) if p.translate] == ["one two three", "four"]


def test_a_family_emoji_stays_whole_behind_a_word() -> None:
    family = "👩\u200d👩\u200d👧"
    pieces = split("a" * 20 + family * 3, 20)
    assert all(piece.text.count("\u200d") % 2 == 0 for piece in pieces)


@pytest.mark.parametrize(
    "text",
    [
        "word" * 10_000,
        "a sentence here. " * 60_000,
        " " * 1_000_000 + "a",
        "\"'" * 99_000 + "a",
        "e" + "\u0301" * 300_000,
    ],
    ids=["word", "sentences", "spaces", "quotes", "marks"],
)
def test_work_is_linear_in_the_text(text: str) -> None:
    """Counted, not timed: no character is given to the token counter more than a few times."""
    counted = 0

    def count(part: str) -> int:
        nonlocal counted
        counted += len(part)
        return bytes_as_tokens(part)

    pieces = split_text(text, language="en", count_tokens=count, max_tokens=100)
    assert "".join(piece.text for piece in pieces) == text
    assert counted <= 20 * len(text)


def test_a_limit_below_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens: 4 is below 5"):
        split("a", 4)
