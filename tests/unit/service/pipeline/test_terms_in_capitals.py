"""Terms keep the capitals that the glossary gives them, where the case of a translation follows its source."""

from __future__ import annotations

import pytest

from service.text.casing import Recased
from tests.unit.service.pipeline.test_terms_to_copy import obeyed, written


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        # What begins small
        ("dog of the fox", "Узел", "Узел of the fox"),
        ("dog of the fox", "узел", "узел of the fox"),
        ("dog of the fox", "узел|Узел", "Узел of the fox"),
        ("dog of the fox", "Уз*", "Узел of the fox"),
        ("dog of the fox", "уЗел", "уЗел of the fox"),
        ("(dog) of the fox", "Узел", "(Узел) of the fox"),
        ("the dog of the fox", "Узел", "the Узел of the fox"),
        # In capitals
        ("THE DOG OF THE FOX", "уЗел", "THE уЗел OF THE FOX"),
        ("THE DOG OF THE FOX", "узел", "THE УЗЕЛ OF THE FOX"),
        ("THE DOG OF THE FOX", "Узел", "THE УЗЕЛ OF THE FOX"),
        ("THE DOG OF {fox}", "слово уЗел", "THE СЛОВО уЗел OF {fox}"),
        # Neither
        ("Dog of the fox", "Узел", "Узел of the fox"),
        ("Dog of the fox", "узел", "Узел of the fox"),
    ],
)
def test_the_case_of_a_term(text: str, target: str, expected: str) -> None:
    word = "узел" if target == "узел" else "слово уЗел" if " " in target else "уЗел" if "З" in target else "Узел"

    def write(given: str, _terms: bool) -> str:
        begun = given.lstrip("(")[:1].isupper() and given.lstrip("(")[:3].lower() == "dog"
        return given.replace("dog", word).replace("Dog", word[0].upper() + word[1:] if begun else word)

    segment, _seen = obeyed(text, write, ("dog", target))
    assert segment.best.text == expected
    assert [use is not None for _source, use in written(segment)] == [True]


@pytest.mark.parametrize("target", ["узел", "уЗел"])
@pytest.mark.parametrize(
    ("text", "source", "found"),
    [
        ("THE DOG OF THE FOX", "Dog", "DOG"),
        ("THE DOG OF THE FOX", "dOg", "DOG"),
        ("THE DOG OF {fox}", "DOG", "DOG"),
        ("The Dog Of The Fox", "Dog", "Dog"),
        # As everywhere: a capital is one of the text.
        ("The Dog Of The Fox", "DOG", None),
    ],
)
def test_a_term_with_capitals_is_found_where_the_model_is_given_small_letters(
    text: str, source: str, found: str | None, target: str
) -> None:
    segment, seen = obeyed(
        text, lambda given, terms: given.replace("dog", target) if terms else given, (source, target)
    )
    assert "dog" in seen[0]
    expected = "УЗЕЛ" if target == "узел" and text.startswith("THE") else target
    assert written(segment) == ([] if found is None else [(found, expected)])


def test_what_is_no_term_is_in_capitals_whatever_capitals_it_has() -> None:
    assert Recased("x", shouted=True).restore("один уЗел, уЗел", [((11, 15), "уЗел")]) == "ОДИН УЗЕЛ, уЗел"


def test_a_term_further_on_does_not_begin_the_translation() -> None:
    small = Recased("x", small=lambda _word: True)
    assert small.restore("Один Узел", [((5, 9), "Узел")]) == "один Узел"
    assert small.restore("«Узел» один", [((1, 5), "Узел")]) == "«Узел» один"
    assert small.restore("Узел один", [((0, 4), "узел")]) == "узел один"
