"""Summarizing: one line of any text, by windows that lose nothing; with an engine that keeps the first two words."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.catalogue import Catalogue
from service.errors import InvalidRequestError, ServiceError
from service.pipeline.request import RequestLimits
from service.pipeline.summarize import Summarizer, SummaryRequest, SummaryResult
from service.pipeline.translation import TranslationOptions
from tests.unit.service.fakes import EchoingEngine, engine_of, model, summarizer

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
    groups = engine_of(loaded.models[0]).groups
    assert max(len(segment.source) for group in groups for segment in group) <= 40
    assert len(groups) >= 3  # the windows, the lines of the windows, ...
    assert summary.text == "Word0 and."
    assert "\n" not in summary.text
    assert summary.warnings == ("read_in_windows",)


def test_rows_of_dashes_and_digits_fit_too() -> None:
    loaded = Catalogue((summarizer("en"),))
    text = f"One two. {'-=' * 200} {'0123456789' * 30} Three four."
    (summary,) = summarize(replace(ASKED, texts=(text,), format="lines"), loaded).summaries
    assert max(len(segment.source) for group in engine_of(loaded.models[0]).groups for segment in group) <= 40
    assert "".join(part.source for part in summary.parts).replace(" ", "") == text.replace(" ", "")


def test_lines_are_one_for_each_window() -> None:
    loaded = Catalogue((summarizer("en"),))
    (summary,) = summarize(replace(ASKED, texts=(LONG,), format="lines"), loaded).summaries
    assert summary.text.splitlines() == [part.best.text for part in summary.parts]
    assert len(engine_of(loaded.models[0]).groups) == 1


def test_lines_that_get_no_fewer_are_given_as_they_are() -> None:
    loaded = Catalogue((summarizer("en", engine=EchoingEngine),))
    (summary,) = summarize(replace(ASKED, texts=(LONG,)), loaded).summaries
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


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (replace(ASKED, language="de"), InvalidRequestError, "language: 'de' is not summarized; allowed: en, ru"),
        (replace(ASKED, texts=()), InvalidRequestError, "text: an empty list"),
        (replace(ASKED, texts=("\ud800",)), InvalidRequestError, "surrogate"),
        (replace(ASKED, options=TranslationOptions(beam_size=99)), InvalidRequestError, "options.beam_size: 99"),
        (replace(ASKED, model="tiny"), InvalidRequestError, "language: 'en' is not summarized; allowed: none"),
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
