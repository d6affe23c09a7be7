"""An explanation against the real decoder: tokens that spell the texts, attention that sums to one, a beam with the
translation in it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import pytest

from service.api.explanation_schemas import ExplanationBody
from service.errors import InvalidRequestError
from service.pipeline.explanation import MOST_SEGMENTS, Explanation, check_explainable
from service.pipeline.translation import SegmentTranslation, TranslationOptions
from tests.unit.service.pipeline.real_model import translate_with


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def explained(folder: Path, text: str, source: str = "en", target: str = "ru") -> SegmentTranslation:
    (translation,) = translate_with(folder, (text,), source, target, TranslationOptions(explain=True))
    (segment,) = translation.segments
    return segment


def test_tokens_spell_both_texts_and_control_tokens_stand_for_nothing(folder: Path) -> None:
    segment = explained(folder, "the quick  fox")
    explanation = segment.explanation
    assert explanation is not None
    spelled = "".join(segment.source[slice(*token.span)] for token in explanation.source if token.span)
    assert spelled == segment.source.replace(" ", "")
    assert explanation.source[0].piece == "<2ru>"
    assert explanation.source[0].span is explanation.source[-1].span is None


def test_the_tokens_of_the_translation_spell_it(folder: Path) -> None:
    spelled = 0
    for text in ("one", "two", "hello", "hello world", "dog", "fox", "word7", "word8", "jumps over", "the lazy dog"):
        segment = explained(folder, text)
        assert segment.explanation is not None
        best = segment.best.text
        if "\ufffd" in best:  # random weights may write bytes that are no text
            continue
        spelled += 1
        written = [best[slice(*token.span)] for token in segment.explanation.target if token.span]
        assert "".join(written).replace(" ", "") == best.replace(" ", "")
    assert spelled


def test_attention_is_a_distribution_and_its_largest_weights_are_the_alignment(folder: Path) -> None:
    segment = explained(folder, "the lazy dog jumps")
    explanation = segment.explanation
    assert explanation is not None
    assert explanation.attention is not None
    assert len(explanation.attention) == len(explanation.target)
    for row in explanation.attention:
        assert len(row) == len(explanation.source)
        assert math.isclose(sum(row), 1.0, abs_tol=1e-5)
    links = {link.target: link.source for link in segment.best.alignment or ()}
    for token, row in zip(explanation.target, explanation.attention, strict=True):
        read = explanation.source[max(range(len(row)), key=row.__getitem__)]
        if token.span in links and read.span:
            assert links[token.span] == read.span


def test_the_translation_is_a_path_of_the_beam(folder: Path) -> None:
    segment = explained(folder, "hello world")
    explanation = segment.explanation
    assert explanation is not None
    assert all(step.live or step.finished for step in explanation.beam)
    assert [token.piece for token in explanation.target] in every_path(explanation)


def every_path(explanation: Explanation) -> list[list[str]]:
    """The pieces of every hypothesis that finished, or was live at the end."""
    rows: list[list[str]] = [[]]
    found: list[list[str]] = []
    for step in explanation.beam:
        found += [rows[branch.parent] for branch in step.finished]
        rows = [[*rows[branch.parent], branch.piece or ""] for branch in step.live]
    return found + rows


def test_nothing_is_explained_unless_it_is_asked_for_nor_through_a_pivot(folder: Path) -> None:
    (plain,) = translate_with(folder, ("hello",), "en", "ru", TranslationOptions())
    assert plain.segments[0].explanation is None
    assert explained(folder, "слово", "ru", "de").explanation is None


def test_too_many_segments_are_refused(folder: Path) -> None:
    check_explainable(MOST_SEGMENTS)
    with pytest.raises(InvalidRequestError, match="come to 9 segments; allowed: at most 8"):
        translate_with(folder, ("one",) * 9, "en", "ru", TranslationOptions(explain=True))


def test_the_body_of_an_answer_says_the_same(folder: Path) -> None:
    explanation = explained(folder, "hello world").explanation
    assert explanation is not None
    body = ExplanationBody.model_validate(explanation, from_attributes=True)
    assert json.loads(body.model_dump_json()) == json.loads(json.dumps(asdict(explanation)))
