"""Placeholders are kept from a glossary as from a model: neither they nor what stands in for them is a term."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_store.config import DecodingConfig
from service.catalogue import Catalogue, Leg
from service.pipeline.sentence import prepare
from service.pipeline.translation import SegmentTranslation, TranslationOptions
from service.text.glossary import Glossary, GlossaryTerm
from service.text.segmentation import Piece
from tests.unit.service.fakes import EchoingEngine, model
from tests.unit.service.pipeline.test_translate import EN_RU, translate

STAND_INS = DecodingConfig().stand_ins


def echoed(text: str, *terms: GlossaryTerm, prefix: str = "") -> SegmentTranslation:
    """By an engine that writes what it is given."""
    made = model("en-ru")
    there = Catalogue((replace(made, engine=EchoingEngine(made.tokenizer)),))
    options = TranslationOptions(prefix=prefix)
    (segment,) = translate(replace(EN_RU, texts=(text,), glossary=terms, options=options), there).segments
    return segment


@pytest.mark.parametrize("stand_in", STAND_INS)
@pytest.mark.parametrize("text", ["One {name} two.", "One {name} two {other}.", "One <b>two</b> %s <x> two."])
def test_what_stands_in_for_a_placeholder_is_no_term(text: str, stand_in: str) -> None:
    found = echoed(text, GlossaryTerm(stand_in, "zebra"), GlossaryTerm("two", "two"))
    assert found.best.text == text
    assert {use.term for use in found.best.terms} == {"two"}
    assert "term_missing" not in found.best.warnings


def test_no_term_begins_in_front_of_a_placeholder_and_goes_on_in_it_or_behind_it() -> None:
    glossary = [GlossaryTerm(f"one {word}", "zebra") for word in STAND_INS] + [GlossaryTerm("one two", "zebra")]
    found = echoed("One {name} two.", *glossary, GlossaryTerm("one", "one"))
    assert [(use.term, use.source) for use in found.best.terms] == [("one", (0, 3))]


@pytest.mark.parametrize("target", ["{}", "zebra {}", "{}*", "zebra|{}"])
def test_nothing_stands_in_for_a_placeholder_that_a_term_may_become(target: str) -> None:
    leg = Leg(model("en-ru"), "en", "ru")
    for word in STAND_INS:
        glossary = Glossary([GlossaryTerm("two", target.format(word))], "en")
        sentence = prepare(leg, Piece("One %s {name} two.", translate=True), STAND_INS, glossary)
        assert len(set(sentence.shielded.stand_ins)) == 2
        assert word not in sentence.shielded.stand_ins


def test_a_form_with_any_ending_is_not_what_stands_in_either() -> None:
    glossary = Glossary([GlossaryTerm("two", "K*|4*")], "en")
    sentence = prepare(
        Leg(model("en-ru"), "en", "ru"), Piece("One %s two.", translate=True), ("KDE", "42", "7"), glossary
    )
    assert sentence.shielded.stand_ins == ("7",)


def test_a_term_is_not_found_in_a_placeholder_of_the_translation() -> None:
    """The target of the term is a word of the placeholder."""
    found = echoed("One {zebra} two.", GlossaryTerm("two", "zebra"))
    assert [use.target for use in found.best.terms] == [None]
    assert "term_missing" in found.best.warnings
    found = echoed("One {two} two.", GlossaryTerm("two", "two"))
    assert [(use.source, use.target) for use in found.best.terms] == [((10, 13), (10, 13))]


def test_behind_a_prefix_a_placeholder_is_no_term_either() -> None:
    found = echoed("One {two} two <two>.", GlossaryTerm("two", "two"), prefix="One")
    assert [use.source for use in found.best.terms] == [(10, 13)]
