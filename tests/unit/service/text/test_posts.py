"""Mentions and hashtags at the ends of a post."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.posts import said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@jean Merci beaucoup", "Merci beaucoup"),
        ("@a @b@c.org  «Oui»", "«Oui»"),
        ("@jean a dit oui", "@jean a dit oui"),
        ("@jean, merci", "@jean, merci"),
        ("Merci @jean", "Merci @jean"),
        ("I like #Linux", "I like #Linux"),
        ("I like #Linux #GNU\n#free ", "I like #Linux"),
        ("I like #Linux #GNU.", "I like #Linux #GNU."),
        ("#Linux is free", "#Linux is free"),
        ("Linux is free \uff03Linux \uff03自由", "Linux is free \uff03Linux"),
        ("@a Hello #b #c", "Hello #b"),
        ("Hello", "Hello"),
        ("@a", "@a"),
        ("", ""),
    ],
)
def test_what_is_said(text: str, expected: str) -> None:
    assert text[slice(*said(text))] == expected


@given(st.text(alphabet="@#aB .\n", max_size=30))
def test_nothing_is_cut_but_mentions_and_hashtags(text: str) -> None:
    start, end = said(text)
    assert 0 <= start <= end <= len(text)
    assert all(word.startswith("@") for word in text[:start].split())
    assert all(word.startswith("#") for word in text[end:].split())
