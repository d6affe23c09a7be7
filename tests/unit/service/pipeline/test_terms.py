"""Glossaries in translation: what the beam is told, what is found in what it wrote, and that it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.catalogue import Catalogue
from service.errors import InvalidRequestError
from service.pipeline.terms import demanded, fewest_tokens, uses
from service.pipeline.translate import Translator
from service.pipeline.translation import SegmentTranslation, TranslationOptions, TranslationRequest
from service.text.edits import Span
from service.text.glossary import Glossary, GlossaryTerm, TargetForm, found_forms
from tests.unit.service.fakes import engine_of, model, tiny_tokenizer
from tests.unit.service.pipeline.real_model import translate_with

ASKED = TranslationRequest(("one two",), "en", "ru")
TOKENIZER = tiny_tokenizer()


def segments(request: TranslationRequest, catalogue: Catalogue | None = None) -> tuple[SegmentTranslation, ...]:
    loaded = catalogue or Catalogue((model("en-ru", "ru-en"), model("en-de", name="other")))
    return asyncio.run(Translator(lambda: loaded).translate(request)).segments


def test_the_beam_is_told_of_each_term_in_its_forms() -> None:
    terms = [GlossaryTerm("fox", "лиса*|fox"), GlossaryTerm("dog", "пёс")]
    text = "Foxes and dogs and a fox"
    fox, dog = demanded(Glossary(terms, "en").find(text), text, TOKENIZER, most=50, lags=False)
    assert (fox.count, dog.count) == (2, 1)
    forms = [(TOKENIZER.decode(form.tokens), form.whole, form.initial) for form in fox.forms]
    assert forms == [("лиса", False, False), ("Лиса", False, True), ("fox", True, False), ("Fox", True, True)]
    small = demanded(Glossary(terms, "en").find("a dog"), "a dog", TOKENIZER, most=50, lags=False)
    assert [(TOKENIZER.decode(form.tokens), form.initial) for form in small[0].forms] == [("пёс", None)]


@pytest.mark.parametrize(
    ("text", "lags", "before", "last"),
    [
        ("the lazy jumps", False, "", "s"),
        ("the lazy jumps", True, "y", ""),
        ("the lazy a jumps", True, "ya", ""),  # what is said of "a" is as a rule nothing
        ("of jumps", True, "!of", ""),
        ("jumps", True, "!", ""),
    ],
)
def test_where_a_term_is_attended_to(text: str, lags: bool, before: str, last: str) -> None:
    """Its own tokens, or each time the one before; "!" is the control token in front of all."""
    glossary = Glossary([GlossaryTerm("jumps", "x")], "en")
    (term,) = demanded(glossary.find(text), text, TOKENIZER, most=50, lags=lags)
    pieces = [*"!" * TOKENIZER.source_prefix, *TOKENIZER.pieces(TOKENIZER.encode(text))]
    near = "".join(pieces[place] for place in term.near).replace("\u2581", "")
    assert near.removeprefix("!" * (TOKENIZER.source_prefix - 1)) == f"{before}jump{last}"


def test_what_does_not_fit_is_left_out() -> None:
    terms = [GlossaryTerm("one", "раз"), GlossaryTerm("two", "два " * 20)]
    both = demanded(Glossary(terms, "en").find("one two"), "one two", TOKENIZER, most=200, lags=False)
    assert len(both) == 2
    less = demanded(
        Glossary(terms, "en").find("one two"), "one two", TOKENIZER, most=fewest_tokens(both) - 1, lags=False
    )
    assert less == both[:1]


@pytest.mark.parametrize(
    ("text", "terms", "counts"),
    [
        # The beam would have written the short one with the long one.
        ("one two and one", {"one": "one*", "one two": "one two"}, {"one*": 2, "one two": 1}),
        ("one two and one", {"one": "one*", "one two": "one two|two"}, {"one*": 1, "one two|two": 1}),
        ("one two and one", {"one": "two", "one two": "the fox"}, {"two": 1, "the fox": 1}),
        ("one and two, two", {"one": "fox", "two": "fox*"}, {"fox": 3, "fox*": 3}),
        # Nor is the whole word there, or the small one.
        ("one and two", {"one": "jump", "two": "jumps"}, {"jump": 1, "jumps": 1}),
        ("one and two", {"one": "fox", "two": "Fox jumps"}, {"fox": 1, "Fox jumps": 1}),
    ],
)
def test_a_term_within_another_is_demanded_besides(text: str, terms: dict[str, str], counts: dict[str, int]) -> None:
    glossary = Glossary([GlossaryTerm(*term) for term in terms.items()], "en")
    found = demanded(glossary.find(text), text, TOKENIZER, most=100, lags=False)
    written = {tuple(TOKENIZER.decode(form.tokens) for form in term.forms): term.count for term in found}
    assert written == {tuple(form.rstrip("*") for form in forms.split("|")): n for forms, n in counts.items()}


def test_forms_are_compared_once_whatever_terms_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = [f"{letter} два" for letter in "абвгдежзиклмно"]
    terms = [GlossaryTerm(f"word{number}", "|".join([*forms, f"слово{number}"])) for number in range(20)]
    text = " ".join(term.source for term in terms)
    compared = []

    def counted(of: Sequence[TargetForm], text: str) -> list[Span]:
        compared.append(text)
        return found_forms(of, text)

    monkeypatch.setattr("service.pipeline.terms.found_forms", counted)
    demanded(Glossary(terms, "en").find(text), text, TOKENIZER, most=500, lags=False)
    assert len(compared) <= len(forms) + len(terms)


@pytest.mark.parametrize(
    ("target", "places"),
    [
        ("the fox and foxes", ["foxes", "the fox"]),
        ("foxes and the fox", ["foxes", "the fox"]),
        ("the fox", [None, "the fox"]),
        ("foxes", ["foxes", None]),
    ],
)
def test_a_place_is_of_one_term_and_the_longest_has_it(target: str, places: list[str | None]) -> None:
    glossary = Glossary([GlossaryTerm("one", "fox*"), GlossaryTerm("one two", "the fox|a fox")], "en")
    occurrences = glossary.find("one, one two")
    found = uses(occurrences, target, [each.span for each in occurrences])
    assert [use.target and target[slice(*use.target)] for use in found] == places


def test_uses_are_reported_with_their_spans_and_what_is_missing_is_a_warning() -> None:
    request = replace(
        ASKED, texts=("Seven one %s two.",), glossary=(GlossaryTerm("one", "one"), GlossaryTerm("two", "zebra"))
    )
    (segment,) = segments(request)
    text = segment.best.text
    found = [
        (segment.source[slice(*use.source)], use.target and text[slice(*use.target)]) for use in segment.best.terms
    ]
    assert found == [("one", "one"), ("two", None)]
    assert "term_missing" in segment.best.warnings
    assert "term_missing" not in segments(replace(request, glossary=request.glossary[:1]))[0].best.warnings
    assert segments(replace(request, glossary=()))[0].best.terms == ()


def test_a_text_with_terms_has_a_wider_beam_and_more_room() -> None:
    catalogue = Catalogue((model("en-ru"),))
    request = replace(ASKED, glossary=(GlossaryTerm("two", "восемь пушистых собак"),))
    segments(replace(request, texts=("one two", "seven")), catalogue)
    with_term, without, *_begun_large = engine_of(catalogue.models[0]).groups[0]
    assert (with_term.beam_size, without.beam_size) == (8, 4)
    assert (len(with_term.terms), without.terms) == (1, ())
    assert with_term.max_length > without.max_length


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (replace(ASKED, source="ru", target="de"), "glossary: not through 'en'; allowed: pairs of one model"),
        (replace(ASKED, source="auto"), "glossary: not with source 'auto'"),
    ],
)
def test_where_there_can_be_no_glossary(request_: TranslationRequest, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        segments(replace(request_, glossary=(GlossaryTerm("two", "два"),)))


def test_a_real_decoder_writes_the_terms_in_text_and_in_markup(tmp_path: Path) -> None:
    glossary = (GlossaryTerm("dog", "собака"), GlossaryTerm("fox", "лис*"))
    texts = ("The lazy dog.", "The fox and the dogs", "dog")
    found = translate_with(tmp_path, texts, "en", "ru", TranslationOptions(), glossary)
    for text in found:
        for segment in text.segments:
            assert segment.best.terms
            assert "term_missing" not in segment.best.warnings
            for use in segment.best.terms:
                assert use.target is not None
                written = segment.best.text[slice(*use.target)].lower()
                assert written == "собака" if use.term == "dog" else written.startswith("лис")
