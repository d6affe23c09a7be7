"""Where a text has terms, and what a glossary may hold."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequestError
from service.text.glossary import MAX_TERMS, Glossary, GlossaryTerm, TargetForm, found_forms


def found(language: str, text: str, *sources: str) -> list[str]:
    glossary = Glossary([GlossaryTerm(source, "x") for source in sources], language)
    return [f"{each.term.source}={text[slice(*each.span)]}" for each in glossary.find(text)]


@pytest.mark.parametrize(
    ("language", "text", "sources", "expected"),
    [
        ("en", "Two servers and a server.", ("server",), ["server=servers", "server=server"]),
        ("en", "observer, SERVER, re-server", ("server",), ["server=SERVER", "server=server"]),
        (
            "ru",
            "На серверах нет файлов сервера",
            ("сервер", "файл"),
            ["сервер=серверах", "файл=файлов", "сервер=сервера"],
        ),
        ("en", "an Apple a day, an apple", ("Apple",), ["Apple=Apple"]),
        ("en", "the file system of files", ("file", "file system"), ["file system=file system", "file=files"]),
        ("en", "file\n system, file-system", ("file system",), ["file system=file\n system"]),
        ("en", "a file-system", ("file-system",), ["file-system=file-system"]),
        ("en", "nothing here", ("server",), []),
        ("xx", "word words", ("word",), ["word=word"]),
    ],
)
def test_terms_are_found(language: str, text: str, sources: tuple[str, ...], expected: list[str]) -> None:
    assert found(language, text, *sources) == expected


def test_of_two_with_one_source_the_later_counts() -> None:
    (each,) = Glossary([GlossaryTerm("file", "a"), GlossaryTerm("files", "b")], "en").find("a file")
    assert each.term.target == "b"


@given(st.text("ab F\n.-", max_size=30), st.lists(st.text("ab F", min_size=1, max_size=6), max_size=4))
def test_occurrences_are_in_order_and_apart(text: str, sources: list[str]) -> None:
    terms = [GlossaryTerm(source, "x") for source in sources if source.strip()]
    spans = [each.span for each in Glossary(terms, "en").find(text)]
    assert all(one[0] < one[1] for one in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("", "x", "glossary.source: '' is no term"),
        ("...", "x", "glossary.source: '...' is no term"),
        ("a\nb", "x", "glossary.source: .* is no term"),
        ("a", "x" * 201, "glossary.target: .* at most 200 characters"),
        ("a", "x|", "glossary.target: 'x|': '' is no form"),
        ("a", "x*y", "'x\\*y' is no form; allowed: words, and a \"\\*\" at their end"),
    ],
)
def test_what_is_no_term(source: str, target: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        GlossaryTerm(source, target)


def test_not_more_than_so_many() -> None:
    with pytest.raises(InvalidRequestError, match=f"{MAX_TERMS + 1} terms; allowed: at most {MAX_TERMS}"):
        Glossary([GlossaryTerm("a", "b")] * (MAX_TERMS + 1), "en")


def test_forms_of_a_target() -> None:
    assert GlossaryTerm("a", "сервер* | узел").forms == (TargetForm("сервер", True), TargetForm("узел", False))
    text = "Серверы, узелок, УЗЕЛ и сервер; мойсервер"
    spans = found_forms(GlossaryTerm("a", "сервер*|узел").forms, text)
    assert [text[slice(*span)] for span in spans] == ["Серверы", "УЗЕЛ", "сервер"]
