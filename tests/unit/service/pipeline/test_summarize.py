"""Summarizing: one line of any text, by windows that lose nothing; with an engine that keeps the first two words."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from model_store.decoding.segment import Hypothesis, Segment
from service.catalogue import Catalogue
from service.errors import InvalidRequestError, ServiceError, UnsupportedLanguageError
from service.pipeline.request import RequestLimits
from service.pipeline.summarize import Format, Summarizer, SummaryRequest, SummaryResult
from service.pipeline.translation import TranslationOptions
from tests.unit.service.fakes import EchoingEngine, ShorteningEngine, engine_of, model, summarizer

LONG = " ".join(f"Word{number} and word{number + 1} went home." for number in range(60))
ASKED = SummaryRequest(("One two three four.",), "en")


def summarize(
    request: SummaryRequest, catalogue: Catalogue | None = None, limits: RequestLimits | None = None
) -> SummaryResult:
    loaded = catalogue or Catalogue((model("en-ru"), summarizer("en", "ru")))
    return asyncio.run(Summarizer(lambda: loaded, limits).summarize(request))


def test_each_text_gets_a_line() -> None:
    result = summarize(replace(ASKED, texts=("One two three four.", "Five six\n\tseven", "", " \n ")))
    assert [each.text for each in result.summaries] == ["One two", "Five six", "", ""]
    assert (result.language, result.model_name, result.model_version) == ("en", "short", "1")
    assert [each.warnings for each in result.summaries] == [()] * 4


def test_a_long_text_is_read_whole_in_windows_that_fit_and_ends_in_one_line() -> None:
    loaded = Catalogue((summarizer("en"),))
    (summary,) = summarize(replace(ASKED, texts=(LONG,)), loaded).summaries
    assert " ".join(part.source for part in summary.parts) == LONG
    assert len(summary.parts) > 4
    (group,) = engine_of(loaded.models[0]).groups
    assert max(len(segment.source) for segment in group) <= 40
    assert summary.text == max(summary.parts, key=lambda part: part.best.score).best.text
    assert summary.score == max(part.best.score for part in summary.parts)
    assert summary.warnings == ("read_in_windows",)


class SureEngine(ShorteningEngine):
    """Is surer of a line the more it says `sure`, 0.4 nats a time; of an empty line most of all."""

    def _answer(self, words: list[str]) -> str:
        return "" if words[0] == "empty" else super()._answer(words)

    def _hypothesis(self, segment: Segment, text: str, rank: int) -> Hypothesis:
        made = super()._hypothesis(segment, text, rank)
        mean = -1 + 0.4 * text.count("sure") if text else 0.0
        return replace(made, log_prob=mean * (len(made.tokens) + 1))


@pytest.mark.parametrize(
    ("starts", "line"),
    [
        (("one two", "three four", "five six"), "one two"),
        (("one two", "sure four", "five six"), "one two"),  # the first window's is 0.5 ahead
        (("one two", "sure four", "sure sure"), "sure sure"),
        (("sure two", "sure four", "sure sure"), "sure two"),
        (("empty", "three four", "sure six"), "sure six"),
        (("empty", "empty", "sure six"), "empty hello hello hello hello ."),
        (("one two", "empty", "sure six"), "one two"),
        (("one two", "empty", "empty"), "one two"),
    ],
)
def test_the_line_is_the_surest_with_a_start_for_the_first(starts: tuple[str, ...], line: str) -> None:
    loaded = Catalogue((summarizer("en", engine=SureEngine),))
    text = " ".join(f"{start} {'hello ' * 4}." for start in starts)
    (summary,) = summarize(replace(ASKED, texts=(text,)), loaded).summaries
    assert len(summary.parts) == 3
    assert summary.text == line


NOTHING = f"empty\n\n- empty words are said\n here. {'empty words. ' * 30}"


@pytest.mark.parametrize(
    ("text", "format", "line", "warnings"),
    [
        (NOTHING, "line", "empty words are said here.", ("first_sentence", "read_in_windows")),
        ("empty words are said here.", "line", "empty words are said here.", ("first_sentence", "not_shorter")),
        ("empty " * 60, "line", f"{'empty ' * 6}…", ("first_sentence", "read_in_windows")),
        ("empty words are said. Another one is.", "lines", "empty words are said.", ("first_sentence",)),
    ],
)
def test_where_nothing_is_said_the_first_sentence_stands(
    text: str, format: Format, line: str, warnings: tuple[str, ...]
) -> None:
    loaded = Catalogue((summarizer("en", engine=SureEngine),))
    made = summarize(replace(ASKED, texts=(text, "One two three four."), format=format), loaded)
    summary, other = made.summaries
    assert (summary.text, summary.warnings, summary.score) == (line, warnings, None)
    assert (other.text, other.warnings, other.score) == ("One two", (), -1)


class SilentEngine(ShorteningEngine):
    """Has nothing to say of any text."""

    def _answer(self, words: list[str]) -> str:
        return ""


@pytest.mark.parametrize("format", ["line", "lines"])
def test_a_text_may_have_no_letter_but_in_the_mark_of_an_item(format: Format) -> None:
    loaded = Catalogue((summarizer("en", engine=SilentEngine),))
    texts = ("b) 12345", "- 1. a) 5", "1. 2. 3. a) 5")
    made = summarize(replace(ASKED, texts=texts, format=format), loaded)
    assert [each.text for each in made.summaries] == ["", "", "a) 5"]


ROWS = f"{'-=' * 200} {'0123456789' * 30}"


@pytest.mark.parametrize("text", [f"One two. {ROWS} Three four.", f"One two. {ROWS}", f"{ROWS} One two.", "One two 3."])
def test_rows_of_dashes_and_digits_are_read_only_beside_letters(text: str) -> None:
    """What the window of a sentence has room for comes with it; of the rest nothing is made up, and that is said."""
    loaded = Catalogue((summarizer("en"),))
    (summary,) = summarize(replace(ASKED, texts=(text,), format="lines"), loaded).summaries
    (group,) = engine_of(loaded.models[0]).groups
    assert max(len(segment.source) for segment in group) <= 40
    assert len(group) == len(summary.parts) == len(summary.lines)
    assert all(part.source in text and any(map(str.isalpha, part.source)) for part in summary.parts)
    assert letters(" ".join(part.source for part in summary.parts)) == letters(text)
    assert summary.warnings == ("read_in_windows",) * (ROWS in text)


def letters(text: str) -> list[str]:
    return [character for character in text if character.isalpha()]


def test_the_first_window_with_a_letter_has_the_start() -> None:
    loaded = Catalogue((summarizer("en", engine=SureEngine),))
    windows = (f"{start} {'hello ' * 4}." for start in ("one two", "sure four"))
    (summary,) = summarize(replace(ASKED, texts=(f"{'9' * 300} {' '.join(windows)}",)), loaded).summaries
    lines = [part.best.text for part in summary.parts]
    assert ["sure" in line for line in lines] == [False, True]
    assert summary.text == lines[0]


def test_of_a_text_without_a_letter_nothing_is_made_up() -> None:
    loaded = Catalogue((summarizer("en"),))
    summaries = summarize(replace(ASKED, texts=("42", "- 1.5 %\n😀", "No 5")), loaded).summaries
    assert [each.text for each in summaries] == ["", "", "No 5"]
    assert [each.parts for each in summaries[:2]] == [(), ()]
    assert [each.warnings for each in summaries[:2]] == [(), ()]
    (group,) = engine_of(loaded.models[0]).groups
    assert len(group) == 1


@pytest.mark.parametrize(("asked", "code"), [("EN", "en"), ("en-US", "en"), ("en_gb", "en"), ("ru-RU", "ru")])
def test_a_language_is_named_as_for_a_translation(asked: str, code: str) -> None:
    result = summarize(replace(ASKED, language=asked))
    assert (result.language, result.summaries[0].language) == (code, code)


def test_lines_are_one_for_each_window() -> None:
    loaded = Catalogue((summarizer("en"),))
    (summary,) = summarize(replace(ASKED, texts=(LONG,), format="lines"), loaded).summaries
    assert summary.text.splitlines() == [part.best.text for part in summary.parts]
    assert len(engine_of(loaded.models[0]).groups) == 1


def test_a_summary_that_is_no_shorter_than_its_text_says_so() -> None:
    loaded = Catalogue((summarizer("en", engine=EchoingEngine),))
    (summary,) = summarize(replace(ASKED, texts=(LONG,), format="lines"), loaded).summaries
    assert summary.text.replace("\n", " ") == LONG
    assert summary.warnings == ("not_shorter", "read_in_windows")


def test_a_short_and_a_long_text_do_not_mix() -> None:
    together = summarize(replace(ASKED, texts=(LONG, "Five six seven.", LONG[:500]))).summaries
    alone = [summarize(replace(ASKED, texts=(text,))).summaries[0] for text in (LONG, "Five six seven.", LONG[:500])]
    assert [each.text for each in together] == [each.text for each in alone]


def test_what_is_cut_off_at_its_longest_is_warned_of() -> None:
    seen: list[str] = []
    loaded = Catalogue((summarizer("en"),))
    request = replace(ASKED, options=TranslationOptions(max_length=1))
    result = asyncio.run(Summarizer(lambda: loaded, warned=seen.append).summarize(request))
    assert result.summaries[0].warnings == ("truncated",)
    assert seen == ["truncated"]


ENGLISH, RUSSIAN = "The weather is really nice today.", "Погода сегодня и правда хорошая."
FRENCH = "Il fait vraiment très beau aujourd'hui, n'est-ce pas ?"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        (ENGLISH, False),
        (RUSSIAN, True),  # a language that is summarized
        (FRENCH, True),  # one that is not
        ("Как", False),  # too few letters to be sure
        ("1 2 3 -- 4", False),
        (" ", False),
    ],
)
def test_a_text_that_is_surely_in_another_language_is_warned_of(text: str, other: bool) -> None:
    seen: list[str] = []
    loaded = Catalogue((summarizer("en", "ru"),))
    request = SummaryRequest((text, ENGLISH), "en")
    first, second = asyncio.run(Summarizer(lambda: loaded, warned=seen.append).summarize(request)).summaries
    assert [warning for warning in first.warnings if warning == "other_language"] == ["other_language"] * other
    assert (first.language, first.detection) == ("en", None)
    assert second.warnings == ()
    assert seen.count("other_language") == other


def test_the_language_of_each_text_is_found_out() -> None:
    """And each goes to the model of its language, whatever stands between."""
    english, russian = summarizer("en"), replace(summarizer("ru"), name="other")
    texts = (ENGLISH, RUSSIAN, "The train was late again.", "https://example.org/a")
    result = summarize(SummaryRequest(texts, "AUTO"), Catalogue((english, russian)))
    assert [each.text for each in result.summaries] == ["The weather", "Погода сегодня", "The train", texts[3]]
    assert [each.language for each in result.summaries] == ["en", "ru", "en", "en"]
    found = [each.detection for each in result.summaries]
    assert [each and each.language for each in found] == ["en", "ru", "en", "en"]
    assert found[3] is not None
    assert found[3].confidence == 0
    assert [len(engine_of(each).groups) for each in (english, russian)] == [1, 1]
    assert not any("other_language" in each.warnings for each in result.summaries)
    assert (result.language, result.model_name) == ("auto", "short")


def test_texts_of_one_language_have_it_together() -> None:
    assert summarize(SummaryRequest((RUSSIAN, RUSSIAN), "auto")).language == "ru"


def test_a_text_of_a_language_that_is_not_summarized_is_refused_by_number() -> None:
    """Even if it is a served language, as one that is translated."""
    loaded = Catalogue((model("en-fr"), summarizer("en", "ru")))
    message = r"language: 'fr' \(found in text 1 with confidence 1\.00\) is not summarized; allowed: en, ru$"
    with pytest.raises(UnsupportedLanguageError, match=message):
        summarize(SummaryRequest((ENGLISH, FRENCH), "auto"), loaded)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (replace(ASKED, language="de"), InvalidRequestError, "language: 'de' is not summarized; allowed: en, ru"),
        (replace(ASKED, texts=()), InvalidRequestError, "text: an empty list"),
        (replace(ASKED, texts=("\ud800",)), InvalidRequestError, "surrogate"),
        (replace(ASKED, options=TranslationOptions(beam_size=99)), InvalidRequestError, "options.beam_size: 99"),
        (replace(ASKED, model="tiny"), InvalidRequestError, "model: 'tiny@1' is asked at /v1/translate"),
    ],
)
def test_what_is_refused(request_: SummaryRequest, error: type[ServiceError], message: str) -> None:
    with pytest.raises(error, match=message):
        summarize(request_)


def test_a_summarizer_translates_nothing_and_a_translator_summarizes_nothing() -> None:
    loaded = Catalogue((summarizer("en", "de"), model("en-ru")))
    assert loaded.languages == ("en", "ru")
    assert loaded.targets("en") == ("ru",)
    assert loaded.summarizer("EN").model.name == "short"
    with pytest.raises(InvalidRequestError):
        Catalogue((model("en-ru"),)).summarizer("en")
