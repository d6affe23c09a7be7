"""The first sentence of a text, past headings, greetings and marks of items."""

from __future__ import annotations

import pytest

from service.text.lead import first_sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A bridge was opened on Monday. It is long.", "A bridge was opened on Monday."),
        ("A bridge was\nopened\ton Monday.\nIt is long.", "A bridge was opened on Monday."),
        ("Bridges\n\nA bridge was opened on Monday.", "A bridge was opened on Monday."),
        ("Hello!\n\nHi Anna,\n \nA bridge was opened on Monday.", "A bridge was opened on Monday."),
        ("Look! A bridge was opened on Monday.", "A bridge was opened on Monday."),
        ("- A bridge was opened on Monday.\n- It is long.", "A bridge was opened on Monday."),
        ("He said: “A bridge was opened on Monday.” Then he went.", "He said: “A bridge was opened on Monday.”"),
        ("A bridge was opened on Monday", "A bridge was opened on Monday"),
        ("Notes\n\nA bridge was opened on Monday", "Notes"),
        ("1.5\n\n----\n\nNo.", "No."),
        ("42", ""),
        (" \n", ""),
        ("", ""),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text, "en") == sentence


def test_of_another_script() -> None:
    text = "桥于周一开放，全长三公里，连接两座城市和许多村庄。它很长。"
    assert first_sentence(text, "zh") == "桥于周一开放，全长三公里，连接两座城市和许多村庄。"


def test_no_more_is_read_than_it_takes() -> None:
    assert first_sentence("A bridge was opened on Monday. " * 100_000, "en") == "A bridge was opened on Monday."
