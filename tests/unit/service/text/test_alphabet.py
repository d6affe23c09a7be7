"""What a model has not learned: where it is, and what the model is given instead."""

from __future__ import annotations

import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.text.alphabet import Alphabet, core_of
from service.text.edits import EditedText

LATIN_AND_CYRILLIC = Alphabet(frozenset(string.ascii_letters + "абвгдеёжзийклмнопрстуфхцчшщъыьэюя«»—"))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Plain text, {0} & more", []),
        ("I ❤️ you 👍🏽 👨‍👩‍👧!", ["❤️", "👍🏽 👨‍👩‍👧"]),
        ("🇩🇪 1️⃣ ★ ∑", ["🇩🇪 1️⃣ ★ ∑"]),
        ("The word 東京 and α-rays, ไทย", ["東京", "α", "ไทย"]),
        ("“quoted” – №5 © 5 °C → ±", []),  # learned, or told by their number
        ("café, Київ", []),  # letters of scripts that it knows
        ("Ｈｅｌｌｏ ﬁle", []),
    ],
)
def test_what_is_copied(text: str, kept: list[str]) -> None:
    assert [text[slice(*span)] for span in LATIN_AND_CYRILLIC.kept(text)] == kept


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("a\u00a0b\u2009c\u3000d", "a b c d"),
        ("\ufeffOpen\u00ad the\u200b file", "Open the file"),
        ("Ｈｅｌｌｏ ﬁle 𝐇", "Hello file H"),
        ("naïve café e\u0301", "naive cafe e"),
        ("и\u0306", "й"),
        ("m² ½ “x” ß і", "m² ½ “x” ß і"),
    ],
)
def test_what_the_model_is_given_instead(text: str, given: str) -> None:
    assert EditedText(text, LATIN_AND_CYRILLIC.respelled(text)).text == given


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("😀 Hello 😀", "Hello"),
        ("\ufeffHello! 👍🏽👍", "Hello!"),
        ("Hello 😀 world", "Hello 😀 world"),
        ("😀", ""),
        ("a", "a"),
        ("", ""),
    ],
)
def test_the_core_of_a_sentence(text: str, core: str) -> None:
    assert text[slice(*core_of(text))] == core


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_whatever_the_text_spans_are_apart_and_it_gets_no_longer(text: str) -> None:
    kept, edits = LATIN_AND_CYRILLIC.kept(text), LATIN_AND_CYRILLIC.respelled(text)
    assert all(start < end for start, end in kept)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(kept))
    assert len(EditedText(text, edits).text.encode()) <= len(text.encode())
    start, end = core_of(text)
    assert 0 <= start <= end <= len(text)
