"""Labels with an access key are translated without it, and get one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from service.catalogue import Catalogue
from service.pipeline.translation import TranslationOptions
from service.text.glossary import GlossaryTerm
from tests.unit.service.fakes import engine_of, model, tiny_tokenizer
from tests.unit.service.pipeline.real_model import translate_with
from tests.unit.service.pipeline.test_translate import EN_RU, translate


def test_the_model_is_given_the_label_and_the_translation_has_the_key() -> None:
    loaded = model("en-ru")
    texts = ("&One two", "One &Two", "One & Two", " _One %s two\t")
    result = translate(replace(EN_RU, texts=texts), Catalogue((loaded,)))
    assert [each.best.text for each in result.translations] == [
        "two &One",
        "&Two One",
        "Two & One",
        " two %s _One\t",
    ]
    asked = [tiny_tokenizer().decode(segment.source[2:-1]) for segment in engine_of(loaded).groups[0]]
    assert asked[:2] == ["One two", "One Two"]
    assert ["".join(p if isinstance(p, str) else p.source for p in each.pieces) for each in result.translations] == [
        *texts
    ]


def test_each_alternative_has_the_key() -> None:
    (text,) = translate(replace(EN_RU, texts=("&One two",), options=TranslationOptions(n_best=3))).translations
    assert [each.text for each in (text.best, *text.alternatives)] == ["two &One", "two &One!", "two &One!!"]


def test_a_translation_that_has_to_begin_with_something_is_of_the_label_as_it_stands() -> None:
    loaded = model("en-ru")
    options = TranslationOptions(prefix="two")
    translate(replace(EN_RU, texts=("&One two",), options=options), Catalogue((loaded,)))
    (segment,) = engine_of(loaded).groups[0]
    assert tiny_tokenizer().decode(segment.source[2:-1]) == "&One two"


def test_links_and_terms_are_those_of_the_label_moved(tmp_path: Path) -> None:
    terms = (GlossaryTerm("two", "three"),)
    found = translate_with(tmp_path, ("&One two four", "One two four"), "en", "ru", TranslationOptions(), terms)
    with_key, without = (text.segments[0] for text in found)
    assert with_key.best.text.replace("&", "", 1) == without.best.text
    place = with_key.best.text.index("&")
    assert with_key.alignment is not None
    assert without.alignment is not None

    def words(source: str, target: str, links: tuple[object, ...]) -> list[tuple[str, str]]:
        return [(source[slice(*link.source)], target[slice(*link.target)]) for link in links]  # type: ignore[attr-defined]

    assert words("&One two four", with_key.best.text, with_key.alignment) == words(
        "One two four", without.best.text, without.alignment
    )
    (use,), (plain,) = with_key.best.terms, without.best.terms
    assert "&One two four"[slice(*use.source)] == "two"
    assert plain.target is not None
    assert use.target is not None
    assert with_key.best.text[slice(*use.target)] == without.best.text[slice(*plain.target)]
    assert place not in range(*use.target)
