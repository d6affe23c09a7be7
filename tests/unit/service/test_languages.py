"""Codes as people write them."""

from __future__ import annotations

import pytest

from service.languages import english_name, match_language

SERVED = ("en", "ru", "pt-BR", "zh-Hans", "zh-Hant", "nb", "he", "sr-Latn")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("EN", "en"),
        ("en-US", "en"),
        ("en_GB", "en"),
        ("pt-br", "pt-BR"),
        ("pt", "pt-BR"),
        ("pb", "pt-BR"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zt", "zh-Hant"),
        ("no", "nb"),
        ("iw", "he"),
        ("sr-latn-RS", "sr-Latn"),
        ("sr", None),
        ("xx", None),
        ("english", None),
        ("", None),
        ("e n", None),
        ("a-b-c-d-e-f", None),
        ("\udc00", None),
        ("auto", None),
    ],
)
def test_match(code: str, language: str | None) -> None:
    assert match_language(code, SERVED) == language


def test_the_code_itself_goes_before_a_relative() -> None:
    assert match_language("pt-BR", ("pt", "pt-BR")) == "pt-BR"
    assert match_language("pt-PT", ("pt", "pt-BR")) == "pt"


def test_names() -> None:
    assert [english_name(code) for code in ("en", "zh-Hans", "pt-BR", "xx")] == [
        "English",
        "Simplified Chinese",
        "Brazilian Portuguese",
        "xx",
    ]
