"""Long sentences are translated clause by clause: what the model is given, and how the clauses are joined again."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.catalogue import Catalogue, Leg, ServedModel
from service.pipeline.pieces import pieces_of
from service.pipeline.sentence import prepare
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationOptions, TranslationRequest, TranslationResult
from service.text.glossary import Glossary, GlossaryTerm
from service.text.segmentation import ClauseRule, Piece, split_text
from tests.unit.service.fakes import model
from tests.unit.service.text.test_segmentation import HARD_TEXT, bytes_as_tokens

LONG = "hello world one two, hello world two one, world hello two one."


def clause_model(*directions: str, tokens: int) -> ServedModel:
    loaded = model(*directions)
    return replace(
        loaded, decoding=loaded.decoding.model_copy(update={"clause_tokens": tokens, "max_source_length": 100})
    )


def translate(loaded: ServedModel, text: str, **options: object) -> TranslationResult:
    way = loaded.directions[0]
    request = TranslationRequest((text,), *way, options=TranslationOptions(**options))  # type: ignore[arg-type]
    return asyncio.run(Translator(lambda: Catalogue((loaded,))).translate(request))


def test_clauses_are_translated_apart_and_the_marks_between_them_stay() -> None:
    loaded = clause_model("en-ru", tokens=24)
    result = translate(loaded, LONG)
    assert [each.source for each in result.segments] == [
        "hello world one two",
        "hello world two one",
        "world hello two one.",
    ]
    assert result.translations[0].best.text == "two one world hello, one two world hello, one. two hello world"
    assert [each.source for each in translate(clause_model("en-ru", tokens=100), LONG).segments] == [LONG]
    assert [each.source for each in translate(clause_model("en-ru", tokens=0), LONG).segments] == [LONG]


def test_no_clause_ends_as_a_sentence_does() -> None:
    """The second hypothesis of the engine has an exclamation mark, and the second word of the text a full stop."""
    loaded = clause_model("en-ru", tokens=24)
    (text,) = translate(loaded, LONG.replace("hello world one", "hello... world one", 1), n_best=2).translations
    assert text.best.text == "two one world hello, one two world hello, one. two hello world"
    (alternative,) = text.alternatives
    assert alternative.text == "two one world hello, one two world hello, one. two hello world!"
    for each in (text.best, alternative):
        assert each.alignment is not None
        assert all(each.text[slice(*link.target)].strip() for link in each.alignment)


def test_a_clause_is_told_while_it_is_written() -> None:
    """Of the second, that begins with a small letter, nothing is known before the end."""
    told: list[str] = []
    text = LONG.replace("hello world one", "Hello... world one", 1)
    request = TranslationRequest((text,), "en", "ru")
    translator = Translator(lambda: Catalogue((clause_model("en-ru", tokens=24),)))
    result = asyncio.run(translator.translate(request, lambda _index, known: told.append(known)))
    assert told[-1] == "two one world Hello, "
    assert result.translations[0].best.text.startswith(told[-1])
    assert len(told) > 1


def test_a_clause_keeps_the_mark_that_it_ends_in_itself() -> None:
    """Before a dash, and where a clause is longer than the model reads at once, so that it is cut behind a comma."""
    loaded = clause_model("en-ru", tokens=24)
    dashed = translate(loaded, "hello, world one two, \N{EM DASH} hello world two one, world hello two one.")
    assert dashed.segments[0].source == "hello, world one two,"
    assert dashed.translations[0].best.text.startswith("two, one world hello, \N{EM DASH} one two")
    bracketed = "hello (" + ", ".join(["one"] * 60) + "), one two hello world one two hello."
    _first, second, *_others = translate(loaded, bracketed).segments
    assert second.source.endswith(",")
    assert second.best.text.endswith("one,")


def test_a_clause_of_names_is_neither_a_title_nor_shouted() -> None:
    leg = Leg(clause_model("en-ru", tokens=12), "en", "ru")

    def given_to_the_model(text: str) -> list[str]:
        return [prepare(leg, each, (), None).recased.text for each in pieces_of(leg, text) if each.translate]

    names, acronyms = "Hello World One Two World Hello", "HELLO WORLD ONE TWO"
    for list_of_names in (names, acronyms):
        text = f"hello world one, {list_of_names}, hello world two."
        clauses = given_to_the_model(text)
        assert clauses == ["hello world one", list_of_names, "hello world two."]
        title = given_to_the_model(f"{list_of_names}, {list_of_names}.")
        assert title == [list_of_names.capitalize(), f"{list_of_names.capitalize()}."]


def test_a_text_that_is_gone_on_with_is_one_segment() -> None:
    loaded = clause_model("en-ru", tokens=24)
    assert [each.source for each in translate(loaded, LONG, prefix="hello").segments] == [LONG]


def test_french_has_a_space_before_a_semicolon_so_that_none_is_copied() -> None:
    text = LONG.replace(",", ";")
    sources = [
        [each.source for each in translate(clause_model(way, tokens=24), text).segments] for way in ("en-ru", "ru-en")
    ]
    assert len(sources[0]) == len(sources[1]) == 3
    rule = ClauseRule(12, semicolons=False)
    pieces = split_text(text, language="fr", count_tokens=bytes_as_tokens, max_tokens=100, clause_rule=rule)
    assert [each.text for each in pieces] == [text]


def test_no_term_of_the_glossary_is_cut() -> None:
    leg = Leg(clause_model("en-ru", tokens=24), "en", "ru")
    glossary = Glossary([GlossaryTerm("hello, world", "X")], "en")
    text = "one two one two one two hello, world one two one two one two, one two one two."
    translated = [each.text for each in pieces_of(leg, text, glossary) if each.translate]
    assert translated == ["one two one two one two hello, world one two one two one two", "one two one two."]
    assert "world one two one two one two" in [each.text for each in pieces_of(leg, text)]
    assert [each.term.target for each in prepare(leg, Piece(translated[0], translate=True), (), glossary).terms] == [
        "X"
    ]


@pytest.mark.parametrize(
    ("text", "cuts"),
    [
        ("hello <b>world one two, hello world two</b> one, world hello two one.", [1]),
        ("hello <b>world</b> one two, hello <b>world</b> two one, world hello two one.", [0, 1]),
        ("hello <i>one <b>world</b> one two, hello world two one</i>, world hello two one.", [1]),
        ("hello one two one,<b> world one two hello world two</b> one, world hello two one.", [1]),
        ("hello world one two, <b>hello world two</b>, world hello two one.", [0, 1]),
        ("hello <b>world one two, hello <i>world two</b> one, world</i> hello two one.", [1]),
        # Where the end of a sentence divides a pair anyway
        ("hello. <b>Hello world one two, hello two one. world hello two one, hello world one</b>.", [0, 1]),
        # Without a partner
        ("hello <b>world one two, hello world two one, world hello two one.", [0, 1]),
    ],
)
def test_no_clause_ends_between_a_tag_and_its_partner(text: str, cuts: list[int]) -> None:
    """cuts: the numbers of the commas between clauses."""
    pieces = pieces_of(Leg(clause_model("en-ru", tokens=24), "en", "ru"), text)
    assert "".join(piece.text for piece in pieces) == text
    commas = [each.start() for each in re.finditer(",", text)]
    ends = {
        sum(len(piece.text) for piece in pieces[: number + 1])
        for number in range(len(pieces))
        if pieces[number].goes_on
    }
    assert [number for number, comma in enumerate(commas) if comma in ends] == cuts


def test_tags_and_placeholders_stay_in_their_clause() -> None:
    loaded = clause_model("en-ru", tokens=24)
    text = "hello <b>world</b> one two, hello %s world two one; world hello two one."
    assert "".join(each.text for each in pieces_of(Leg(loaded, "en", "ru"), text)) == text
    best = translate(loaded, text).translations[0].best.text
    first, second, _last = best.replace(";", ",").split(", ")
    assert "<b>world</b>" in first
    assert "%s" in second


@settings(deadline=None, max_examples=200)
@given(HARD_TEXT, st.integers(5, 40), st.integers(1, 60), st.booleans())
def test_pieces_join_to_the_text_and_fit(text: str, most: int, tokens: int, semicolons: bool) -> None:
    rule = ClauseRule(tokens, semicolons)
    pieces = split_text(text, language="en", count_tokens=bytes_as_tokens, max_tokens=most, clause_rule=rule)
    assert "".join(piece.text for piece in pieces) == text
    for piece in pieces:
        assert piece.text
        assert piece.translate or not piece.goes_on
        if piece.translate:
            assert piece.text == piece.text.strip()
            assert bytes_as_tokens(piece.text) <= most
