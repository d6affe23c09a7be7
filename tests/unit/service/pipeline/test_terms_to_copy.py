"""Terms that are names or numbers: they become what the glossary says, and are no loss, nor kept from the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from model_store.decoding.segment import Segment
from service.catalogue import Catalogue
from service.engine.segment import SegmentResult
from service.pipeline.translation import SegmentTranslation
from service.text.glossary import GlossaryTerm
from tests.unit.service.fakes import EchoingEngine, tiny_tokenizer
from tests.unit.service.fakes import model as fake_model
from tests.unit.service.pipeline.test_translate import EN_RU, translate

Write = Callable[[str, bool], str]


class Obeying(EchoingEngine):
    """Writes what `write` makes of a text, which is told whether terms are demanded; notes what it was given."""

    def __init__(self, write: Write) -> None:
        super().__init__(tiny_tokenizer())
        self._write = write
        self.seen: list[str] = []

    def _result(self, segment: Segment) -> SegmentResult:
        self.seen.append(self.tokenizer.decode(segment.source).strip())
        text = self._write(self.seen[-1], bool(segment.terms))
        hypotheses = tuple(self._hypothesis(segment, text + "!" * rank, rank) for rank in range(segment.n_best))
        return replace(super()._result(segment), hypotheses=hypotheses)


def obeyed(text: str, write: Write, *terms: tuple[str, str]) -> tuple[SegmentTranslation, list[str]]:
    engine = Obeying(write)
    there = Catalogue((replace(fake_model("en-ru"), engine=engine),))
    glossary = tuple(GlossaryTerm(*term) for term in terms)
    (segment,) = translate(replace(EN_RU, texts=(text,), glossary=glossary), there).segments
    return segment, engine.seen


def written(segment: SegmentTranslation) -> list[tuple[str, str | None]]:
    text = segment.best.text
    return [(segment.source[slice(*use.source)], use.target and text[slice(*use.target)]) for use in segment.best.terms]


@pytest.mark.parametrize("pattern", ["One {} two.", "One <b>{}</b> two 7.", "One {} jumps, {} %s.", "{}: one = 1"])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("GTK", "слово"),
        ("i386", "слово 32"),
        ("ReadMe", "OpenMe"),
        ("R&D", "слово"),
        ("24", "двадцать четыре"),
        ("24", "42*"),
        ("GTK", "GTK"),
    ],
)
def test_a_name_or_number_becomes_what_the_glossary_says(pattern: str, source: str, target: str) -> None:
    text = pattern.replace("{}", source)
    bare = target.rstrip("*")
    segment, seen = obeyed(text, lambda given, terms: given.replace(source, bare) if terms else given, (source, target))
    # Tags stand around one word each.
    assert segment.best.text.replace("</b>", "") == text.replace(source, bare).replace("</b>", "")
    assert [source for source, _target in written(segment)] == [source] * text.count(source)
    assert "term_missing" not in segment.best.warnings
    assert set(segment.best.warnings) <= {"uncovered_source", "low_score"}
    assert len(seen) == 1


def test_what_else_is_lost_is_kept_from_the_model_and_no_term_is() -> None:
    segment, seen = obeyed(
        "One GTK two MP3.", lambda given, _terms: given.replace("GTK", "слово").replace("MP3", "one"), ("GTK", "слово")
    )
    assert segment.best.text == "One слово two MP3."
    assert written(segment) == [("GTK", "слово")]
    assert [("GTK" in given, "MP3" in given) for given in seen] == [(True, True), (True, False)]


def test_a_symbol_beside_a_term_is_kept_from_the_model_without_it() -> None:
    segment, _seen = obeyed(
        "One GTK+ two.", lambda given, _terms: given.replace("GTK", "слово").replace("+", ""), ("GTK", "слово")
    )
    assert (segment.best.text, written(segment)) == ("One слово+ two.", [("GTK", "слово")])


def test_a_term_that_is_copied_is_told_as_missing_and_is_no_loss() -> None:
    segment, seen = obeyed("One GTK two.", lambda given, _terms: given, ("GTK", "слово"))
    assert written(segment) == [("GTK", None)]
    assert "term_missing" in segment.best.warnings
    assert "placeholder_lost" not in segment.best.warnings
    assert len(seen) == 1


def test_of_two_uses_the_one_that_is_lost_is_told_and_not_kept_from_the_model() -> None:
    segment, seen = obeyed(
        "One 24 two 24.", lambda given, _terms: given.replace("24", "слово", 1).replace("24", ""), ("24", "слово")
    )
    assert written(segment) == [("24", "слово"), ("24", None)]
    assert {"term_missing", "number_changed"} <= set(segment.best.warnings)
    assert set(seen) == {"One 24 two 24."}


def test_a_term_around_a_tag_is_no_loss_of_it() -> None:
    segment, seen = obeyed(
        "One <b>two</b> GTK 7.", lambda given, _terms: given.replace("two GTK", "слово"), ("two GTK", "слово")
    )
    assert [use.target is not None for use in segment.best.terms] == [True]
    assert not {"placeholder_lost", "number_changed"} & set(segment.best.warnings)
    assert len(seen) == 1


def test_terms_in_one_another_and_in_capitals_are_no_loss() -> None:
    terms = [("GTK", "слово"), ("GTK two", "слово MP4"), ("MP3", "булок")]

    def write(given: str, _terms: bool) -> str:
        return given.replace("GTK two", "слово MP4").replace("GTK", "слово").replace("MP3", "булок")

    segment, _seen = obeyed("One GTK two GTK MP3.", write, *terms)
    assert [source for source, _target in written(segment)] == ["GTK two", "GTK", "MP3"]
    assert not {"placeholder_lost", "term_missing"} & set(segment.best.warnings)
    segment, _seen = obeyed("ONE MP3 AND TWO.", write, *terms)
    assert [source for source, _target in written(segment)] == ["MP3"]
    assert not {"placeholder_lost", "term_missing"} & set(segment.best.warnings)
