"""What begins with a small letter is decoded as if it began with a capital too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_store.decoding.segment import Hypothesis, Segment
from service.catalogue import Catalogue
from service.errors import InvalidRequestError
from service.pipeline.explanation import MOST_SEGMENTS
from service.pipeline.translation import TranslationOptions
from tests.unit.service.fakes import ReversingEngine, engine_of, model, tiny_tokenizer
from tests.unit.service.pipeline.test_translate import EN_RU, translate


@pytest.mark.parametrize(
    ("likelier", "expected"), [("Begun", "large begun"), ("begun", "small begun"), ("", "small begun")]
)
def test_what_begins_small_is_decoded_in_both_ways_and_the_likelier_is_taken(likelier: str, expected: str) -> None:
    """And begins small, whatever the network writes."""

    class Preferring(ReversingEngine):
        def _answer(self, words: list[str]) -> str:
            return "Large begun" if words[0] == "Begun" else "Small begun"

        def _hypothesis(self, segment: Segment, text: str, rank: int) -> Hypothesis:
            made = super()._hypothesis(segment, text, rank)
            begun = tiny_tokenizer().decode(segment.source[2:-1]).split()[0]
            return replace(made, log_prob=-0.1 if begun == likelier else -5.0)

    preferring = replace(model("en-ru"), engine=Preferring(tiny_tokenizer()))
    (text,) = translate(replace(EN_RU, texts=("begun small",)), Catalogue((preferring,))).translations
    assert text.best.text == expected
    assert [len(group) for group in engine_of(preferring).groups] == [2]


def test_what_begins_small_counts_once_among_what_is_explained() -> None:
    texts = tuple(f"one {number}" for number in range(MOST_SEGMENTS))
    explained = replace(EN_RU, texts=texts, options=TranslationOptions(explain=True))
    assert len(translate(explained).translations) == MOST_SEGMENTS
    with pytest.raises(InvalidRequestError, match=f"come to {MOST_SEGMENTS + 1} segments"):
        translate(replace(explained, texts=(*texts, "two")))
