"""Numbers and symbols, whatever separates their digits; and escapes that are line breaks."""

from __future__ import annotations

from collections import Counter

import pytest

from service.text.copied import copied, is_certain, missing, spans_of
from service.text.escapes import escapes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("40,000 or 40 000 or 40000", ["40000", "40000", "40000"]),
        ("400,00", ["400.00"]),
        ("1,234.56 and 1 234,56", ["1234.56", "1234.56"]),
        ("1.234.56 and 1,234,56 are others", ["1.234.56", "1.234.56"]),
        ("12.05.2021, 10:30; 10–20", ["12.05.2021", "10.30", "10.20"]),
        ("192.168.0.1 and v1.2.3", ["192.168.0.1", "1.2.3"]),
        ("in 2010 500 people", ["2010", "500"]),
        ("x86, COVID-19.", ["86", "x86", "19"]),
        ("a <= b & c->d", ["<=", ">"]),
        ("50% of $5", ["50", "%", "5", "$"]),
        ("well-known, isn't it?", []),
    ],
)
def test_what_is_copied(text: str, found: list[str]) -> None:
    assert copied(text) == Counter(found)


def test_what_is_missing_and_where_it_stands() -> None:
    source, target = "If a < b, use x86 and 12/05/2021, 2 times", "Если а б, x64 и 05/12/2021, два раза"
    lost = missing(source, target)
    assert lost == Counter(["<", "86", "x86", "12.05.2021", "2"])
    assert [source[slice(*span)] for span in spans_of(source, lost)] == ["x86", "12/05/2021", "2", "<", "x86"]
    assert {name for name in lost if is_certain(name)} == {"<", "x86", "12.05.2021"}
    assert is_certain("2021")


def test_a_word_is_not_cut_at_an_accent() -> None:
    source = "parallel=tâches, naïve=5"
    spans = spans_of(source, Counter(["=", "5"]))
    assert [source[slice(*span)] for span in spans] == ["5", "parallel=tâches", "naïve=5"]


def test_letters_of_another_alphabet_are_left_beside_what_is_kept() -> None:
    source = "до 5-го, на 5го, x=да"
    spans = spans_of(source, Counter(["=", "5"]))
    assert [source[slice(*span)] for span in spans] == ["5", "5", "x="]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"One.\nTwo", [r"\n"]),
        (r"one\ntwo\r\n\tthree", [r"\n", r"\r\n\t"]),
        (r"in C:\new and \\server\name", []),
        (r"DOMAIN\name, `\n` and \\n", []),
        ("a real\none", []),
    ],
)
def test_escapes(text: str, found: list[str]) -> None:
    assert [text[slice(*span)] for span in escapes(text)] == found
