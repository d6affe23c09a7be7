"""Tags in texts that are not HTML: kept, and around the words that translate what they were around."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.placeholders import find_placeholders
from service.catalogue import Catalogue
from service.text.glossary import GlossaryTerm
from tests.unit.service.fakes import ReversingEngine, model, tiny_tokenizer
from tests.unit.service.pipeline.test_translate import EN_RU, translate

PARTS = [
    "one",
    " two ",
    ". Three",
    "<b>",
    "</b>",
    "<i x='y'>",
    "</i>",
    "<br>",
    "<x/>",
    "<0>",
    "</0>",
    "%s",
    "< 5",
    "\n",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one <b>two</b>", "<b>two</b> one"),
        ("one <0>two %s</0> <1>three</1>.", "<1>three</1>. <0>%s two</0> one"),
        ("<a href='%s'>one</a> two<br>three four", "two <a href='%s'>one</a><br>four three"),
        ("open <file> now", "now <file> open"),  # a placeholder
        ("<b></b>one </i> two <p>", "two </i><b></b> one <p>"),
        ("<br/>", "<br/>"),
        ("one<x/>two three", "three two<x/>one"),  # a stand-in is set off from the letters around it
    ],
)
def test_tags_of_a_text_go_with_their_words(text: str, expected: str) -> None:
    (translated,) = translate(replace(EN_RU, texts=(text,))).translations
    assert (translated.best.text, translated.warnings) == (expected, ())


def test_sentences_end_where_they_would_without_tags() -> None:
    (translated,) = translate(replace(EN_RU, texts=("One <b>two, three</b> four. <i>Five.</i> Six.",))).translations
    assert [each.source for each in translated.segments] == ["One <b>two, three</b> four.", "<i>Five.</i>", "Six."]


def test_links_and_terms_of_a_text_with_tags_are_where_they_are() -> None:
    text = "one <b>two</b> three"
    glossary = (GlossaryTerm("two", "two"),)
    (translated,) = translate(replace(EN_RU, texts=(text,), glossary=glossary)).translations
    target = translated.best.text
    assert translated.alignment is not None
    linked = {target[slice(*link.target)]: text[slice(*link.source)] for link in translated.alignment}
    assert linked == {"three": "three", "two": "two", "one": "one"}
    (use,) = translated.segments[0].best.terms
    assert use.target is not None
    assert (text[slice(*use.source)], target[slice(*use.target)]) == ("two", "two")


def test_a_tag_that_the_model_loses_is_put_back_and_warned_of() -> None:
    class Untagging(ReversingEngine):
        def _answer(self, words: list[str]) -> str:
            return "two one"

    untagging = Catalogue((replace(model("en-ru"), engine=Untagging(tiny_tokenizer())),))
    (text,) = translate(replace(EN_RU, texts=("one <b>two</b>",)), untagging).translations
    assert (text.best.text, text.warnings) == ("<b>two</b> one", ())
    (text,) = translate(replace(EN_RU, texts=("one <b> two",)), untagging).translations
    assert sorted(text.best.text.split()) == ["<b>", "one", "two"]
    assert text.warnings == ("placeholder_lost",)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(PARTS), max_size=14).map("".join))
def test_whatever_the_text_no_tag_is_lost_or_doubled(text: str) -> None:
    (translated,) = translate(replace(EN_RU, texts=(text,))).translations
    assert Counter(tags_in(translated.best.text)) == Counter(tags_in(text))


def tags_in(text: str) -> list[str]:
    return [text[each.start : each.end] for each in find_placeholders(text) if each.kind == "tag"]
