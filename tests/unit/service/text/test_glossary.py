"""Where a text has terms, and what a glossary may hold."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequestError
from service.text.glossary import MAX_TERMS, Glossary, GlossaryTerm, TargetForm, found_forms, new_term


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


def test_a_text_is_not_compared_with_every_term(monkeypatch: pytest.MonkeyPatch) -> None:
    glossary = Glossary([GlossaryTerm(f"open w{number}", "x") for number in range(300)], "en")
    stemmed = []

    def counted(word: str, _language: str) -> str:
        stemmed.append(word)
        return word

    monkeypatch.setattr("service.text.glossary._stem", counted)
    (each,) = glossary.find("open " * 20 + "w7")
    assert each.term.source == "open w7"
    assert len(stemmed) <= 3 * 21


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


@pytest.mark.parametrize(
    ("source", "held"), [("%s", "%s"), ("{name}", "{name}"), ("the file %s.txt", "%s"), ("Node.js server", "Node.js")]
)
def test_a_new_term_has_no_placeholder_unless_it_stays_as_it_is(source: str, held: str) -> None:
    message = f"glossary.source: {source!r} has the placeholder {held!r}, .*; allowed: a term without placeholders, or"
    with pytest.raises(InvalidRequestError, match=message):
        new_term(source, "x")
    assert new_term(source, source) == GlossaryTerm(source, source)


@pytest.mark.parametrize("source", ["R&D", "C++", "TCP/IP", "24/7", "50 %", "e-mail", "and/or", "GTK+", "«file»"])
def test_signs_are_no_placeholders(source: str) -> None:
    assert new_term(source, "x") == GlossaryTerm(source, "x")


def test_not_more_than_so_many() -> None:
    with pytest.raises(InvalidRequestError, match=f"{MAX_TERMS + 1} terms; allowed: at most {MAX_TERMS}"):
        Glossary([GlossaryTerm("a", "b")] * (MAX_TERMS + 1), "en")


def test_forms_of_a_target() -> None:
    assert GlossaryTerm("a", "сервер* | узел").forms == (TargetForm("сервер", True), TargetForm("узел", False))
    text = "Серверы, узелок, УЗЕЛ и сервер; мойсервер"
    spans = found_forms(GlossaryTerm("a", "сервер*|узел").forms, text)
    assert [text[slice(*span)] for span in spans] == ["Серверы", "УЗЕЛ", "сервер"]
