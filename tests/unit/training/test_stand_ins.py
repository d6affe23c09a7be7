"""Pairs that teach copying: what stands in both texts gives way, everything else stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpora.pair import SentencePair
from training.stand_ins import with_stand_ins

WORDS = ("7", "PDF", "USB", "X")


def several(left: str, right: str, words: Sequence[str] = WORDS) -> set[SentencePair | None]:
    """What twenty seeds make of a pair."""
    return {with_stand_ins(SentencePair(left, right), words, np.random.default_rng(seed)) for seed in range(20)}


@pytest.mark.parametrize("part", ["2015", "Firefox", "libc6-dev", "1.2.3", "http://example.org/a?b=c", "--help", "%s"])
def test_what_stands_in_both_texts_gives_way(part: str) -> None:
    wanted = {SentencePair(f"Open {word}, please.", f"Откройте {word}, пожалуйста.") for word in WORDS}
    assert several(f"Open {part}, please.", f"Откройте {part}, пожалуйста.") == wanted


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Open the door.", "Откройте дверь."),
        ("Open 3.", "Откройте 4."),
        ("Open 3 and 3.", "Откройте 3."),  # which of them it is nobody knows
        ("x86_64", "x86"),  # a part of a word is not the word
    ],
)
def test_a_pair_that_shares_nothing_teaches_nothing(left: str, right: str) -> None:
    assert several(left, right) == {None}


def test_a_word_that_stands_in_the_pair_stands_in_for_nothing() -> None:
    assert several("3 pdf", "PDF, 3", ("PDF",)) == {None}


def test_up_to_three_give_way_to_different_words_wherever_they_stand() -> None:
    pairs = several("A1, B2, C3 and D4", "D4, C3, B2 и A1")
    counts = set()
    for pair in pairs:
        assert pair is not None
        left, right = (text.replace(",", "").split() for text in (pair.left, pair.right))
        assert [left[0], left[1], left[2], left[4]] == [right[4], right[2], right[1], right[0]]
        counts.add(sum(word in WORDS for word in left))
        assert len(set(left)) == len(left)
    assert counts == {1, 2, 3}


@given(st.lists(st.sampled_from(["a", "Z", "1", "%s", ".", " ", "ж", "X"])).map("".join), st.integers(0, 9))
def test_nothing_but_the_shared_parts_changes(text: str, seed: int) -> None:
    """Of a text and itself, whatever is made stays the same on both sides, and the space in it stays too."""
    pair = with_stand_ins(SentencePair(text, text), WORDS, np.random.default_rng(seed))
    if pair is not None:
        assert pair.left == pair.right != text
        assert pair.left.count("ж") == text.count("ж")
        assert pair.left.count(" ") == text.count(" ")
