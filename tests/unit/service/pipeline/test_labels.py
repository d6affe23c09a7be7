"""Labels with an access key are translated without it, and get one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.catalogue import Catalogue
from service.engine.segment import NO_TIMINGS
from service.pipeline.labels import with_key
from service.pipeline.markup import translate_html
from service.pipeline.translation import Candidate, Link, SegmentTranslation, TextTranslation, TranslationOptions
from service.text.access_keys import AccessKey
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
    keyed, without = (text.segments[0] for text in found)
    assert keyed.best.text.replace("&", "", 1) == without.best.text
    place = keyed.best.text.index("&")
    assert keyed.best.alignment is not None
    assert without.best.alignment is not None

    def words(source: str, target: str, links: tuple[object, ...]) -> list[tuple[str, str]]:
        return [(source[slice(*link.source)], target[slice(*link.target)]) for link in links]  # type: ignore[attr-defined]

    moved = words("&One two four", keyed.best.text, keyed.best.alignment)
    assert moved.pop(moved.index(("&", "&"))) == ("&", "&")
    assert moved == words("One two four", without.best.text, without.best.alignment)
    assert [link.target for link in keyed.best.alignment] == sorted(link.target for link in keyed.best.alignment)
    (use,), (plain,) = keyed.best.terms, without.best.terms
    assert "&One two four"[slice(*use.source)] == "two"
    assert plain.target is not None
    assert use.target is not None
    assert keyed.best.text[slice(*use.target)] == without.best.text[slice(*plain.target)]
    assert place not in range(*use.target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("<b>&amp;One</b> four", "<b>&amp;One</b> four"),
        ("&amp;<b>One</b> four", "&amp;<b>One</b> four"),
        ("<b>O_ne</b> four", "<b>_One</b> four"),
    ],
)
def test_a_tag_around_the_sign_is_around_it_again(source: str, target: str) -> None:
    label = AccessKey("One four", "&" if "&" in source else "_", 1 if "_" in source else 0)

    async def translated(texts: Sequence[str]) -> list[TextTranslation]:
        links = (Link((0, 3), (0, 3)), Link((4, 8), (4, 8)))
        best = Candidate("One four", 0.0, 2, links)
        segment = SegmentTranslation("One four", "en", (best,), 2, NO_TIMINGS)
        return [with_key(TextTranslation((segment,)), label) for _text in texts]

    (text,) = asyncio.run(translate_html([source], translated))
    assert text.best.text == target
