"""What is told of translations while they are written is the beginning of what they become."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from service.catalogue import Catalogue
from service.errors import InvalidRequestError
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationOptions, TranslationRequest, TranslationResult
from service.pipeline.writing import Writing
from tests.unit.service.fakes import engine_of, model
from tests.unit.service.pipeline.real_model import translate_with

Told = dict[int, list[str]]


def translate(request: TranslationRequest, catalogue: Catalogue | None = None) -> tuple[TranslationResult, Told]:
    loaded = catalogue or Catalogue((model("en-ru", "ru-en"), model("en-de", name="other")))
    told: Told = {}

    def hear(index: int, text: str) -> None:
        told.setdefault(index, []).append(text)

    return asyncio.run(Translator(lambda: loaded).translate(request, hear)), told


def assert_growing(history: list[str], whole: str) -> None:
    assert [len(text) for text in history] == sorted({len(text) for text in history})
    assert all(whole.startswith(text) for text in history)


def test_each_text_grows_to_its_translation() -> None:
    texts = ("One two. Three four!\n\n- Five six", "42", "Seven eight")
    result, told = translate(TranslationRequest(texts, "en", "ru"))
    for index, translation in enumerate(result.translations):
        assert_growing(told[index], translation.best.text)
        assert told[index][-1] == translation.best.text
    assert len(told[0]) >= 5


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        # Nothing is told of what comes behind a sentence whose placeholder has still to be put back.
        (TranslationRequest(("One two. Three %s four. Five.",), "en", "ru"), "two. One "),
        (TranslationRequest(("ONE TWO.",), "en", "ru"), None),
        # Nor of one that may begin with a capital.
        (TranslationRequest(("one two.",), "en", "ru"), None),
        (TranslationRequest(("<b>one</b> two",), "en", "ru", format="html"), None),
        (TranslationRequest(("один два",), "ru", "de"), None),
        (TranslationRequest(("один два",), "ru", "ru"), "один два"),
    ],
)
def test_what_is_not_known_before_the_end_is_not_told(request_: TranslationRequest, expected: str | None) -> None:
    result, told = translate(request_)
    assert (told[0][-1] if told else None) == expected
    assert_growing(told.get(0, []), result.translations[0].best.text)


def test_a_mixed_text_is_told_in_its_order() -> None:
    text = "The weather is nice.\nСегодня хорошая погода.\nThe weather is nice.\nСегодня хорошая погода.\n"
    result, told = translate(TranslationRequest((text,), "auto", "ru"))
    assert_growing(told[0], result.translations[0].best.text)
    assert told[0][-1] == result.translations[0].best.text


def test_a_real_decoder_never_takes_back_what_was_told(tmp_path: Path) -> None:
    texts = ("The quick brown fox. Jumps over the lazy dog!", "Hello world", "One two one two one two")
    told: Told = {}
    found = translate_with(
        tmp_path,
        texts,
        "en",
        "ru",
        TranslationOptions(),
        told=lambda index, text: told.setdefault(index, []).append(text),
    )
    for index, translation in enumerate(found):
        assert_growing(told[index], translation.best.text)
    assert sum(map(len, told.values())) > len(texts)


def test_parts_of_a_text_join_in_their_order() -> None:
    heard: list[tuple[int, str]] = []
    writing = Writing(lambda index, text: heard.append((index, text)))
    first, second = writing.part(7), writing.part(7)
    second.split(["c", None])
    second.begun(1, "d")
    assert heard == []
    first.split([None, " "])
    first.begun(0, "a")
    first.begun(0, "ab")
    first.written(0, "abb")
    assert heard == [(7, "a"), (7, "ab"), (7, "abb cd")]
    second.written(1, "de")
    assert heard[-1] == (7, "abb cde")


@pytest.mark.parametrize("prefix", ["По", "Привет ", "Ёж, 5 % (", "слово77 съешь", "日本"])
def test_a_translation_begins_with_its_prefix(tmp_path: Path, prefix: str) -> None:
    text = " hello %s WORLD. One two. "
    (found,) = translate_with(tmp_path, (text,), "en", "ru", TranslationOptions(prefix=prefix))
    (segment,) = found.segments
    assert segment.source == text.strip()
    assert found.best.text.startswith(f" {prefix.rstrip()}")
    assert found.best.text.endswith(" ")
    assert "placeholder_lost" in segment.best.warnings


def test_a_prefix_has_room_of_its_own_and_holds_for_the_last_of_two_models() -> None:
    catalogue = Catalogue((model("en-ru", "ru-en"), model("en-de", name="other")))
    options = TranslationOptions(prefix="Hallo ")
    translate(TranslationRequest(("один два",), "ru", "de", options=options), catalogue)
    first, second = (engine_of(each).groups[0][0] for each in catalogue.models)
    assert (first.prefix, second.prefix) == (b"", "\u2581Hallo\u2581".encode())
    translate(TranslationRequest(("Один два. Три четыре.",), "ru", "de", options=options), catalogue)
    assert [len(engine_of(each).groups[-1]) for each in catalogue.models] == [1, 1]
    translate(TranslationRequest(("один два",), "ru", "en"), catalogue)
    assert second.max_length > first.max_length


ONE = TranslationRequest(("one two",), "en", "ru")


@pytest.mark.parametrize(
    ("request_", "prefix", "message"),
    [
        (replace(ONE, texts=("one", "two")), "x", "prefix: not with 2 texts of format 'text'; allowed: with one text"),
        (replace(ONE, format="html"), "x", "prefix: not with 1 texts of format 'html'"),
        (ONE, " x", "prefix: begins with white space"),
        (ONE, "x\ud800", "prefix: U\\+D800 at position 1"),
        (replace(ONE, source="auto"), "x", "prefix: not with source 'auto'"),
        (ONE, "слово " * 99, "prefix: [0-9]+ tokens leave no room in the target of at most 90"),
        (
            replace(ONE, texts=("word " * 99,)),
            "x",
            "text: [0-9]+ tokens; allowed with a prefix: at most 38",
        ),
    ],
)
def test_where_there_can_be_no_prefix(request_: TranslationRequest, prefix: str, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        translate(replace(request_, options=TranslationOptions(prefix=prefix)))
