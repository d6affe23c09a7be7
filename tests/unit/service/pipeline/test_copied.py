"""Numbers, symbols and names that a model does not copy: kept from it when asked again, and told if that is no help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from model_store.decoding.segment import Hypothesis, Segment
from service.catalogue import Catalogue
from service.engine.segment import SegmentResult
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationOptions
from service.text.glossary import GlossaryTerm
from tests.unit.service.fakes import ReversingEngine, model, tiny_tokenizer
from tests.unit.service.pipeline.test_translate import EN_RU, translate


class Without(ReversingEngine):
    """Writes everything but what `lost` says, and notes what it was asked."""

    def __init__(self, lost: Callable[[str], bool]) -> None:
        super().__init__(tiny_tokenizer())
        self._lost = lost
        self.seen: list[str] = []

    def _answer(self, words: list[str]) -> str:
        self.seen.append(" ".join(words))
        return " ".join(word for word in reversed(words) if not self._lost(word))


def catalogue(lost: Callable[[str], bool]) -> Catalogue:
    return Catalogue((replace(model("en-ru"), engine=Without(lost)),))


@pytest.mark.parametrize(
    ("text", "lost", "expected"),
    [
        ("one 12/05/2021 two", "12/05/2021", "two 12/05/2021 one"),
        ("one 40,000 two", "40,000", "two 40,000 one"),
        ("one < two", "<", "two < one"),
        ("one a=b two", "a=b", "two a=b one"),
        ("one 2 two", "2", "two 2 one"),
        ("one ReadMe two", "ReadMe", "two ReadMe one"),
        ("one read::me two", "read::me", "two read::me one"),
        ("<b>one < two</b>", "<", "<b>two < one</b>"),
    ],
)
def test_what_is_not_copied_is_kept_from_the_model_the_second_time(text: str, lost: str, expected: str) -> None:
    there = catalogue(lambda word: word == lost)
    (translated,) = translate(replace(EN_RU, texts=(text,)), there).translations
    assert (translated.best.text, translated.warnings) == (expected, ())


def test_what_is_lost_again_is_put_back_and_told() -> None:
    there = catalogue(lambda word: not word.islower())
    for text, expected in (
        ("one 2021 two", "two one 2021"),
        ("one < two", "two one <"),
        ("one ReadMe two", "two one ReadMe"),
    ):
        (translated,) = translate(replace(EN_RU, texts=(text,)), there).translations
        assert (translated.best.text, translated.warnings) == (expected, ("placeholder_lost",))
    (translated,) = translate(replace(EN_RU, texts=("one 2 two",)), there).translations
    assert (translated.best.text, translated.warnings) == ("two one", ("number_changed",))


def test_an_alternative_that_has_lost_something_is_none() -> None:
    class Forgetting(ReversingEngine):
        def _hypothesis(self, segment: Segment, text: str, rank: int) -> Hypothesis:
            return super()._hypothesis(segment, text.replace("21", "12") if rank == 1 else text, rank)

    there = Catalogue((replace(model("en-ru"), engine=Forgetting(tiny_tokenizer())),))
    request = replace(EN_RU, texts=("one 21 two",), options=TranslationOptions(n_best=3))
    (translated,) = translate(request, there).translations
    assert [each.text for each in (translated.best, *translated.alternatives)] == [
        "two 21 one",
        "two 21 one!!",
        "two 21 one!!!",
    ]


def test_what_people_may_write_otherwise_is_no_loss() -> None:
    there = catalogue(lambda word: word == "&")
    (translated,) = translate(replace(EN_RU, texts=("one & two",)), there).translations
    assert (translated.best.text, translated.warnings) == ("two one", ())


def test_escaped_line_breaks_end_sentences_and_stay() -> None:
    (translated,) = translate(replace(EN_RU, texts=(r"one two\nthree four\n\n",))).translations
    assert (translated.best.text, translated.warnings) == (r"two one\nfour three\n\n", ())


def test_who_reads_along_is_not_told_what_is_tried_again() -> None:
    told: list[tuple[int, str]] = []
    there = catalogue(lambda word: word == "2021")
    request = replace(EN_RU, texts=("One two. Three 2021 four. Five six.",))
    result = asyncio.run(Translator(lambda: there).translate(request, lambda index, text: told.append((index, text))))
    text = result.translations[0].best.text
    assert "2021" in text
    assert all(text.startswith(begun) for _index, begun in told)


class Choosing(ReversingEngine):
    """Writes always the same."""

    def _result(self, segment: Segment) -> SegmentResult:
        texts = ("слово слово слово слово 7", "слово слово слово слово булок", "слово слово слово слово")
        hypotheses = tuple(self._hypothesis(segment, *each[::-1]) for each in enumerate(texts[: segment.n_best]))
        return replace(super()._result(segment), hypotheses=hypotheses)


@pytest.mark.parametrize("n_best", [1, 3])
@pytest.mark.parametrize("glossary", [(), (GlossaryTerm("dog", "булок"),)])
def test_who_reads_along_is_not_told_what_another_is_preferred_to(
    n_best: int, glossary: tuple[GlossaryTerm, ...]
) -> None:
    """One that has a number which the source has not got, or not the term."""
    told: list[str] = []
    there = Catalogue((replace(model("en-ru"), engine=Choosing(tiny_tokenizer())),))
    request = replace(EN_RU, texts=("Seven dogs.",), glossary=glossary, options=TranslationOptions(n_best=n_best))
    result = asyncio.run(Translator(lambda: there).translate(request, lambda _index, text: told.append(text)))
    assert result.translations[0].best.text == "слово слово слово слово булок"
    assert told
    assert all(result.translations[0].best.text.startswith(text) for text in told)


@pytest.mark.parametrize("words", range(8, 20))
def test_what_is_kept_from_the_model_does_not_make_a_sentence_too_long(words: int) -> None:
    """A digit may be one token, and what stands in for it several; the model reads 40."""
    there = catalogue(str.isdigit)
    text = " ".join(f"ab {number % 10}" for number in range(words))
    (translated,) = translate(replace(EN_RU, texts=(text,)), there).translations
    engine = there.models[0].engine
    assert isinstance(engine, Without)
    assert len(engine.groups) == 2
    assert max(len(segment.source) for group in engine.groups for segment in group) <= 40
    assert translated.best.text
