"""Figures of quality: against values worked out by hand."""

from __future__ import annotations

import pytest

from training.metrics import repeats, score


def figures(sources: list[str], outputs: list[str], references: list[str]) -> dict[str, float]:
    return {metric.name: metric.value for metric in score("summarize", sources, outputs, references)}


def test_rouge_counts_words_of_any_script() -> None:
    """Two of three words in common, one pair of neighbours of two, and in order: F1 2/3, 1/2, 2/3."""
    found = figures(["длинный текст " * 9], ["красный большой дом"], ["большой дом стоит"])
    assert found["ROUGE-1"] == pytest.approx(100 * 2 / 3)
    assert found["ROUGE-2"] == pytest.approx(50)
    assert found["ROUGE-L"] == pytest.approx(100 * 2 / 3)


def test_rouge_is_the_mean_over_the_set() -> None:
    assert figures(["x" * 99] * 2, ["one two", "three"], ["One, two!", "four"])["ROUGE-L"] == pytest.approx(50)


def test_repeated_words_and_summaries_that_do_not_shorten_are_counted() -> None:
    found = figures(["a b c", "long enough to be shortened"], ["a b c d", "a b c x a b c"], ["a", "b"])
    assert found["repeats 3 words, %"] == 50
    assert found["no shorter than its source, %"] == 50
    assert figures([], [], [])["ROUGE-L"] == 0


@pytest.mark.parametrize(
    ("text", "expected"), [("a b a b a", True), ("a b c a b", False), ("", False), ("а б в А, Б, В", True)]
)
def test_what_repeats(text: str, expected: bool) -> None:
    assert repeats(text) is expected


def test_translations_have_bleu_and_chrf() -> None:
    same = ["the cat sat on the mat"]
    assert [(m.name, round(m.value)) for m in score("translate", ["x"], same, same)] == [("BLEU", 100), ("chrF2", 100)]
