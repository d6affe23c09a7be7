"""A full queue refuses before there is any work, and nothing that it would have taken."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_store.config import DecodingConfig
from service.catalogue import Catalogue
from service.errors import EngineOverloadedError
from service.pipeline.door import Door
from service.pipeline.leg import Patience
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationRequest
from tests.unit.service.fakes import engine_of, model

EN_RU = TranslationRequest(("one two",), "en", "ru")

# What is cut away, copied, replaced by a word or made small before the model sees it, and plain words.
ODD = [
    *("a) one", "(b) two", "3. three", "- four", "1) 2) five", "# six", "> seven", "A", "b", "42", "1.5", "e.g. x"),
    *("%s", "{name}", "{n, plural, one {# file} other {# files}}", "`code that is long`", "https://a.example/b?c=d"),
    *("<b>bold words</b>", "</p>", "--option=value", "snake_case()", "/etc/fstab", "C:\\a b", "&amp;", "USB", "\ue000"),
    *(
        "ﬁ ﬁ ﬁ",
        "SETTINGS AND MORE",
        "Title Of It",
        "don't",
        "well-known",
        "Ünïcödé",
        "съешь ещё",
        "你好。再见",
        "…",
        "\\n",
        "\n",
        "\t",
    ),
    *(
        "the quick brown fox",
        "word7 слово49",
        "hello world, one, two",
        "!?",
        "\u200b",
        "ﬁ",
        "[x] done",
        "12,5",
        "1 000",
    ),
]


def test_a_full_queue_refuses_before_there_is_any_work_but_not_what_may_be_known() -> None:
    loaded = Catalogue((model("en-ru"),))
    engine = engine_of(loaded.models[0])
    translator = Translator(lambda: loaded)

    def ask(request: TranslationRequest) -> str:
        return asyncio.run(translator.translate(request)).translations[0].best.text

    assert ask(EN_RU) == "two one"
    engine.full = EngineOverloadedError("full", retry_after_s=3.0)
    asked = len(engine.groups)
    with pytest.raises(EngineOverloadedError) as caught:
        ask(replace(EN_RU, texts=("one two", "three four")))
    assert caught.value is engine.full
    assert len(engine.groups) == asked
    assert ask(EN_RU) == "two one"
    assert ask(replace(EN_RU, texts=("42 + 1",))) == "42 + 1"  # nothing in it to decode
    assert ask(replace(EN_RU, texts=("three four",), wait_for_room_s=1.0)) == "four three"
    assert ask(replace(EN_RU, texts=("three", "four"), target="en")) == "three"


def test_who_was_let_in_is_forgotten_in_the_order_of_the_last_time() -> None:
    leg = Catalogue((model("en-ru"),)).route("en", "ru")[0]
    engine, door, now = engine_of(leg.model), Door(remembered=2), Patience(math.inf)
    door.refuse_if_full(leg, ["one", "two"], now)
    door.refuse_if_full(leg, ["one"], now)
    door.refuse_if_full(leg, ["three"], now)
    engine.full = EngineOverloadedError("full", retry_after_s=3.0)
    door.refuse_if_full(leg, ["one", "three"], now)
    with pytest.raises(EngineOverloadedError):
        door.refuse_if_full(leg, ["two"], now)


def test_a_sentence_that_was_let_in_is_let_in_in_another_text() -> None:
    leg = Catalogue((model("en-ru"),)).route("en", "ru")[0]
    engine, door, now = engine_of(leg.model), Door(), Patience(math.inf)
    door.refuse_if_full(leg, ["Hello world. The quick brown fox"], now)
    engine.full = EngineOverloadedError("full", retry_after_s=3.0)
    door.refuse_if_full(leg, ["The quick brown fox! Hello world?"], now)
    with pytest.raises(EngineOverloadedError):
        door.refuse_if_full(leg, ["Hello world. The quick brown fox. One more."], now)
    tokens = [len(leg.model.tokenizer.encode(text)) for text in ("the quick brown fox hello world", "more")]
    assert [(least.segments, least.longest <= least.tokens <= tokens[0]) for least in engine.least] == [(1, True)] * 2
    assert engine.least[-1].tokens <= 1 + tokens[1]


def test_an_engine_is_asked_only_for_the_texts_that_it_would_get() -> None:
    russian, other = model("en-ru"), model("de-ru", name="other")
    english = "The quick brown fox jumps over the lazy dog."
    german = " ".join(["Der schnelle braune Fuchs springt über den faulen Hund."] * 20)
    translator = Translator(lambda: Catalogue((russian, other)))
    asyncio.run(translator.translate(TranslationRequest((english, german), "auto", "ru")))
    for each in (russian, other):
        (least,), lengths = engine_of(each).least, [len(one.source) for one in engine_of(each).groups[0]]
        assert 0 < least.tokens <= sum(lengths)


@example(["a) one", "42 &amp; &amp; --option=value"])
@given(st.lists(st.lists(st.sampled_from(ODD), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=3))
def test_what_is_asked_for_is_never_less_than_the_door_takes_it_for(texts: list[str]) -> None:
    loaded = Catalogue((replace(model("en-ru"), decoding=DecodingConfig(max_source_length=400)),))
    engine = engine_of(loaded.models[0])
    asyncio.run(Translator(lambda: loaded).translate(replace(EN_RU, texts=tuple(texts))))
    lengths = [len(segment.source) for group in engine.groups[:1] for segment in dict.fromkeys(group)]
    for least in engine.least:
        assert lengths == [] or (least.tokens <= sum(lengths) and least.longest <= max(lengths)), (least, lengths)
