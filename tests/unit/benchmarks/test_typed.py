"""Sentences as people type them."""

from __future__ import annotations

import pytest

from benchmarks.typed import as_typed


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("How are you?", "how are you"),
        ("¿Cómo estás?", "cómo estás"),
        ("I see. Bye!", "I see. Bye"),
        ("In Rome …", "in Rome"),
        ("Я иду.", "я иду"),
        ("42", "42"),
        ("", ""),
    ],
)
def test_as_typed(text: str, typed: str) -> None:
    assert as_typed(text) == typed
