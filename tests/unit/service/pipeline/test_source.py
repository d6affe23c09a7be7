"""Which text, and which line of it, is in which language."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from service.catalogue import Catalogue
from service.errors import UnsupportedLanguageError
from service.pipeline.source import Passage, detect_sources
from service.text.detection import Detection
from tests.unit.service.fakes import model

CATALOGUE = Catalogue((model("en-ru", "ru-en"), model("en-de", name="other")))


def sources(*texts: str) -> tuple[list[Detection], list[Passage]]:
    return asyncio.run(detect_sources(texts, CATALOGUE))


def passages(text: str) -> list[tuple[str, str]]:
    return [(each.language, each.text) for each in sources(text)[1]]


def test_each_text_by_itself() -> None:
    detections, found = sources("The weather is nice.", "Погода хорошая.", "42")
    assert [each.language for each in detections] == ["en", "ru", "en"]
    assert detections[2].confidence == 0.0
    assert [(each.index, each.language) for each in found] == [(0, "en"), (1, "ru"), (2, "en")]


@pytest.mark.parametrize("pivot", ["RU", "ru-RU"])
def test_a_text_that_says_nothing_is_in_the_pivot_however_that_is_written(pivot: str) -> None:
    detections, _passages = asyncio.run(detect_sources(["42"], Catalogue(CATALOGUE.models, pivot)))
    assert detections == [Detection("ru", 0.0)]


def test_lines_of_a_mixed_text() -> None:
    text = "- Save the file\n  - Открыть файл\n\n42\nDas Wetter ist heute wirklich schön.\r\nJa."
    assert passages(text) == [
        ("en", "- Save the file\n"),
        ("ru", "  - Открыть файл\n\n42\n"),
        ("de", "Das Wetter ist heute wirklich schön.\r\nJa."),
    ]


def test_a_line_that_may_be_of_either_language_goes_with_the_one_before() -> None:
    text = "The weather is really nice today.\nName\nTom\n"
    assert passages(text) == [("en", text)]


def test_a_text_in_another_language_is_refused_by_number() -> None:
    with pytest.raises(UnsupportedLanguageError, match=r"source: 'fr' \(found in text 1 with confidence 1\.00"):
        sources("The weather is nice.", "Il fait très beau aujourd'hui, n'est-ce pas ?")


@settings(deadline=None, max_examples=50)
@given(text=st.text(alphabet=st.sampled_from("ab жд\n\r\t.é"), max_size=60))
def test_passages_join_to_the_text(text: str) -> None:
    try:
        found = sources(text)[1]
    except UnsupportedLanguageError:  # " ébb" is plainly Hungarian
        reject()
    assert "".join(each.text for each in found) == text
