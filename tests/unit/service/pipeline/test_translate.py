"""Translating: what is kept, what is joined, what is refused; with an engine that reverses words."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from model_store.config import UNPRUNED
from model_store.decoding.segment import Channel, Hypothesis, Segment
from model_store.errors import ModelStoreError
from service.catalogue import Catalogue
from service.engine.segment import Standing
from service.errors import (
    EngineDeadlineError,
    EngineOverloadedError,
    InvalidRequestError,
    RequestTooLargeError,
    ServiceError,
)
from service.pipeline.leg import GroupLimits
from service.pipeline.request import RequestLimits
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationOptions, TranslationRequest, TranslationResult, Way
from service.text.glossary import GlossaryTerm
from tests.unit.service.fakes import ReversingEngine, engine_of, model, tiny_tokenizer

EN_RU = TranslationRequest(("one two",), "en", "ru")


def translate(
    request: TranslationRequest, catalogue: Catalogue | None = None, limits: RequestLimits | None = None
) -> TranslationResult:
    loaded = catalogue or Catalogue((model("en-ru", "ru-en"), model("en-de", name="other")))
    return asyncio.run(Translator(lambda: loaded, limits).translate(request))


def test_sentences_go_through_the_model_and_all_else_stays() -> None:
    text = "  One two. Three four!\n\n\t- five six\r\n42\x00 "
    result = translate(replace(EN_RU, texts=(text, "", " ")))
    assert [each.best.text for each in result.translations] == [
        "  two. One four! Three\n\n\t- six five\r\n42\x00 ",
        "",
        " ",
    ]
    assert [segment.source for segment in result.segments] == ["One two.", "Three four!", "five six"]
    assert result.ways == (Way("en", None, None, "tiny", "1"),) * 3


def test_a_sentence_beyond_the_limit_is_cut_and_nothing_lost() -> None:
    words = [f"word{i}" for i in range(200)]
    catalogue = Catalogue((model("en-ru"),))
    result = translate(replace(EN_RU, texts=(" ".join(words),)), catalogue)
    assert sorted(result.translations[0].best.text.split()) == sorted(words)
    assert max(len(s.source) for group in engine_of(catalogue.models[0]).groups for s in group) <= 40


def test_capitals_are_taken_from_the_model_and_given_to_the_reader() -> None:
    catalogue = Catalogue((model("en-ru"),))
    (text,) = translate(replace(EN_RU, texts=("HELLO %s WORLD! THE LAZY DOG.",)), catalogue).translations
    asked = [
        engine_of(catalogue.models[0]).tokenizer.decode(s.source) for s in engine_of(catalogue.models[0]).groups[0]
    ]
    assert asked == ["Hello 7 world!", "The lazy dog."]
    assert text.best.text == "WORLD! %s HELLO DOG. LAZY THE"
    assert [segment.source for segment in text.segments] == ["HELLO %s WORLD!", "THE LAZY DOG."]
    assert text.alignment is not None


def test_alternatives_of_several_segments_take_the_same_rank_of_each() -> None:
    request = replace(EN_RU, texts=("One two. Three four.",), options=TranslationOptions(n_best=3))
    (text,) = translate(request).translations
    assert text.best.text == "two. One four. Three"
    assert [each.text for each in text.alternatives] == ["two. One! four. Three!", "two. One!! four. Three!!"]
    assert [round(each.score, 6) for each in (text.best, *text.alternatives)] == [-1.0, -2.0, -3.0]


def test_options_reach_the_segment() -> None:
    catalogue = Catalogue((model("en-ru"),))
    options = TranslationOptions(beam_size=7, n_best=2, length_penalty=0.0, max_length=9)
    translate(replace(EN_RU, options=options), catalogue)
    translate(replace(EN_RU, options=TranslationOptions(n_best=6)), catalogue)
    first, second = (group[0] for group in engine_of(catalogue.models[0]).groups)
    assert (first.beam_size, first.n_best, first.length_penalty, first.max_length) == (7, 2, 0.0, 9)
    assert (second.beam_size, second.length_penalty, second.horizon, second.pruning) == (6, 1.0, 8, UNPRUNED)


@pytest.mark.parametrize(
    ("options", "pruning"),
    [
        (TranslationOptions(), 2.0),
        (TranslationOptions(prefix="One"), UNPRUNED),
        (TranslationOptions(n_best=2), UNPRUNED),
    ],
)
def test_a_search_is_pruned_where_one_result_is_wanted_and_nothing_is_demanded(
    options: TranslationOptions, pruning: float
) -> None:
    loaded = model("en-ru")
    decoding = loaded.decoding.model_copy(update={"pruning": 2.0})
    catalogue = Catalogue((replace(loaded, decoding=decoding),))
    translate(replace(EN_RU, options=options), catalogue)
    assert engine_of(catalogue.models[0]).groups[0][0].pruning == pruning


@pytest.mark.parametrize(
    ("directions", "weight", "prefix", "asked"),
    [
        (("en-ru", "ru-en"), 0.5, "", True),
        (("en-ru", "ru-en"), 0.0, "", False),
        (("en-ru",), 0.5, "", False),
        (("en-ru", "ru-en"), 0.5, "One", False),
    ],
)
def test_the_way_back_is_asked_for_where_the_model_has_it(
    directions: tuple[str, ...], weight: float, prefix: str, asked: bool
) -> None:
    loaded = model(*directions)
    decoding = loaded.decoding.model_copy(update={"channel_weight": weight, "pruning": 2.0})
    catalogue = Catalogue((replace(loaded, decoding=decoding),))
    translate(replace(EN_RU, options=TranslationOptions(prefix=prefix)), catalogue)
    segment = engine_of(catalogue.models[0]).groups[0][0]
    assert segment.channel == (Channel(loaded.tokenizer.prefix_ids("en"), 1, weight, 40) if asked else None)
    assert segment.source[:1] == loaded.tokenizer.prefix_ids("ru")
    assert (segment.pruning == UNPRUNED) == (asked or bool(prefix))


@pytest.mark.parametrize(
    ("text", "glossary", "ngram"),
    [("one two", (), 4), ("one two one two one two", (), 0), ("one two", (GlossaryTerm("one", "один"),), 0)],
)
def test_what_must_not_repeat_itself(text: str, glossary: tuple[GlossaryTerm, ...], ngram: int) -> None:
    """Neither a source that does nor a glossary is told to say something else the second time."""
    loaded = model("en-ru")
    catalogue = Catalogue((replace(loaded, decoding=loaded.decoding.model_copy(update={"no_repeat_ngram": 4})),))
    translate(replace(EN_RU, texts=(text,), glossary=glossary), catalogue)
    assert {each.no_repeat_ngram for group in engine_of(catalogue.models[0]).groups for each in group} == {ngram}


def test_an_unfinished_target_is_warned_of() -> None:
    seen: list[str] = []
    loaded = Catalogue((model("en-ru"),))
    request = replace(EN_RU, options=TranslationOptions(max_length=1))
    result = asyncio.run(Translator(lambda: loaded, warned=seen.append).translate(request))
    assert result.translations[0].warnings == ("truncated",)
    assert seen == ["truncated"]


def test_alignment_points_into_the_whole_text() -> None:
    (text,) = translate(replace(EN_RU, texts=("\n one two.\n three",))).translations
    source, target = "\n one two.\n three", text.best.text
    assert text.alignment is not None
    assert "".join(target[slice(*link.target)] for link in text.alignment) == target.replace(" ", "").replace("\n", "")
    assert all(source[slice(*link.source)].strip() for link in text.alignment)
    assert text.alignment[-1].target[1] == len(target)


def test_each_alternative_has_an_alignment_of_its_own() -> None:
    asked = replace(EN_RU, texts=("one two!\nthree!",), options=TranslationOptions(n_best=3))
    (text,) = translate(asked).translations
    assert len(text.alternatives) == 2
    for each in text.alternatives:
        assert each.alignment is not None
        assert "".join(each.text[slice(*link.target)] for link in each.alignment) == "".join(each.text.split())
        assert all("one two!\nthree!"[slice(*link.source)].strip() for link in each.alignment)


def test_the_same_language_gives_the_text_back() -> None:
    result = translate(TranslationRequest(("One two.",), "EN", "en"))
    assert result.translations[0].best.text == "One two."
    assert result.ways == (Way("en"),)


def test_a_pivot_joins_both_passes() -> None:
    result = translate(TranslationRequest(("\tone two. three four.",), "ru", "de"))
    (text,) = result.translations
    # Reversed twice, and "two." ends a sentence half-way.
    assert text.best.text == "\ttwo. one four. three"
    assert [segment.source for segment in text.segments] == ["one two.", "three four."]
    assert (result.ways, text.alignment) == ((Way("ru", None, "en", "other", "1"),), None)
    assert text.best.score == pytest.approx(-2.0)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (replace(EN_RU, texts=()), InvalidRequestError, "text: an empty list; allowed: 1..2 texts"),
        (replace(EN_RU, texts=("a",) * 3), RequestTooLargeError, "text: 3 texts; allowed: at most 2"),
        (
            replace(EN_RU, texts=("a" * 60, "b" * 41)),
            RequestTooLargeError,
            "101 characters over all texts; allowed: at most 100",
        ),
        (replace(EN_RU, texts=("ab\ud800",)), InvalidRequestError, r"text: U\+D800 at position 2"),
        (replace(EN_RU, source="xx"), ServiceError, "source: 'xx' is not a served language; allowed: de, en, ru"),
        (replace(EN_RU, options=TranslationOptions(beam_size=9)), InvalidRequestError, "beam_size: 9 .*1..8"),
        (replace(EN_RU, options=TranslationOptions(n_best=9)), InvalidRequestError, "n_best: 9 .*1..8"),
        (replace(EN_RU, options=TranslationOptions(2, 3)), InvalidRequestError, "n_best: 3 .*1..2"),
        (replace(EN_RU, options=TranslationOptions(max_length=91)), InvalidRequestError, "max_length: 91 .*1..90"),
    ],
)
def test_bad_requests_are_refused(request_: TranslationRequest, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        translate(request_, limits=RequestLimits(max_characters=100, max_texts=2, max_beam_size=8))


def test_a_long_text_goes_in_groups_of_which_only_the_first_may_be_refused() -> None:
    loaded = Catalogue((model("en-ru"),))
    engine = engine_of(loaded.models[0])
    translator = Translator(lambda: loaded, groups=GroupLimits(segments=2, tokens=1000))
    request = replace(EN_RU, texts=("A b\n" * 5,), wait_for_room_s=5.0)
    engine.errors.append(EngineOverloadedError("full", retry_after_s=0.001))
    assert asyncio.run(translator.translate(request)).translations[0].best.text == "b A\n" * 5
    assert [len(group) for group in engine.groups] == [2, 2, 2, 1]
    assert engine.standings == [Standing.NEW, Standing.NEW, Standing.UNDERWAY, Standing.UNDERWAY]


@pytest.mark.parametrize("error", [EngineOverloadedError("full", retry_after_s=3.0), ModelStoreError("x")])
def test_the_first_group_fails_as_the_engine_does(error: Exception) -> None:
    loaded = Catalogue((model("en-ru"),))
    engine_of(loaded.models[0]).errors.append(error)
    with pytest.raises(type(error)) as caught:
        translate(EN_RU, loaded)
    assert caught.value is error


def test_the_deadline_holds_before_submission_too() -> None:
    with pytest.raises(EngineDeadlineError):
        translate(EN_RU, limits=RequestLimits(timeout_s=1e-9))


def test_placeholders_are_kept_and_alternatives_too() -> None:
    text = "Copied %d of {name}. See https://example.org/a.html!\n`code`"
    result = translate(replace(EN_RU, texts=(text,), options=TranslationOptions(n_best=2)))
    (translation,) = result.translations
    assert translation.best.text == "{name}. of %d Copied https://example.org/a.html! See\n`code`"
    assert translation.alternatives[0].text == "{name}. of %d Copied! https://example.org/a.html! See!\n`code`"
    assert [segment.source for segment in translation.segments] == [
        "Copied %d of {name}.",
        "See https://example.org/a.html!",
    ]
    assert translation.warnings == ()
    assert translation.alignment is not None
    assert ("%d", "%d") in {
        (text[slice(*link.source)], translation.best.text[slice(*link.target)]) for link in translation.alignment
    }


class ForgettingEngine(ReversingEngine):
    """Writes no number, as long as there is a word as well."""

    def _answer(self, words: list[str]) -> str:
        return " ".join(word for word in words if not word.strip(".").isdecimal())


def test_a_lost_placeholder_is_tried_again_with_another_word_and_then_put_back_and_told() -> None:
    tokenizer = tiny_tokenizer()
    forgetful = replace(model("en-ru"), engine=ForgettingEngine(tokenizer))
    (text,) = translate(replace(EN_RU, texts=("word1 %s word2",)), Catalogue((forgetful,))).translations
    assert (text.best.text, text.warnings) == ("word1 %s word2", ())
    assert engine_of(forgetful).standings == [Standing.NEW, Standing.AGAIN]
    numbers = forgetful.decoding.model_copy(update={"stand_ins": ("7", "42")})
    forgetful = replace(forgetful, decoding=numbers)
    seen: list[str] = []
    asked = replace(EN_RU, texts=("word1 %s word2",))
    result = asyncio.run(Translator(lambda: Catalogue((forgetful,)), warned=seen.append).translate(asked))
    assert result.translations[0].best.text == "word1 %s word2"
    assert result.translations[0].warnings == ("placeholder_lost",)
    assert seen == ["placeholder_lost"]


def test_what_a_machine_can_see_is_warned_of() -> None:
    class Stuttering(ReversingEngine):
        def _answer(self, words: list[str]) -> str:
            return "42 fox fox fox"

    stuttering = replace(model("en-ru"), engine=Stuttering(tiny_tokenizer()))
    result = translate(replace(EN_RU, texts=("the fox 7",)), Catalogue((stuttering,)))
    assert result.translations[0].warnings == ("repetition", "number_changed")


def test_what_became_nothing_is_tried_once_more_for_another_hypothesis() -> None:
    class Falling(ReversingEngine):
        def _hypothesis(self, segment: Segment, text: str, rank: int) -> Hypothesis:
            return super()._hypothesis(segment, text if rank else "", rank)

    falling = replace(model("en-ru"), engine=Falling(tiny_tokenizer()))
    (text,) = translate(replace(EN_RU, texts=("One two",)), Catalogue((falling,))).translations
    assert text.best.text == "two One!"
    assert [each.n_best for group in engine_of(falling).groups for each in group] == [1, 4]
