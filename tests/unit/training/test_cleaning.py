"""Cleaning: what is dropped and why, what is kept as it is, and that the counts add up."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.config import Task
from training.cleaning import CleaningReport, clean, fold
from training.corpora.pair import BadLine, SentencePair
from training.data_config import DataConfig
from training.source_config import SourceConfig

SOURCE = SourceConfig(name="s", format="tsv", left="en", right="ru", path="x")
DATA = DataConfig(directions=("en-ru",), sources=(SOURCE,), max_characters=20, max_length_ratio=3.0)


def run(
    items: Iterable[SentencePair | BadLine], *, data: DataConfig = DATA, held_out: Iterable[str] = ()
) -> tuple[list[SentencePair], dict[str, int]]:
    report = CleaningReport()
    kept = clean(
        items,
        source_name="s",
        data=data,
        report=report,
        seen=set(),
        held_out=frozenset(fold(text) for text in held_out),
    )
    return list(kept), dict(report.source("s").dropped)


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        ("", "x", "empty"),
        ("x", " \t ", "empty"),
        ("a\x00b", "xyz", "control_character"),
        ("a\nb", "xyz", "control_character"),
        ("abc", "x\ufffdz", "control_character"),
        ("abc", "x\u2028z", "control_character"),
        ("a" * 21, "b" * 20, "too_long"),
        ("abc", "b" * 10, "length_ratio"),
        ("b" * 10, "abc", "length_ratio"),
        ("same", "same ", "identical"),
        ("Held out", "не то", "held_out"),
        ("not it", "«Отложено».", "held_out"),
    ],
)
def test_drops_with_the_reason(left: str, right: str, reason: str) -> None:
    assert run([SentencePair(left, right)], held_out=["held OUT!", "отложено"]) == ([], {reason: 1})


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("a" * 20, "b" * 20),
        ("abc", "b" * 9),
        ("e\u0301", "\ufb01x"),
        ("a\u200cb", "a\u00a0c"),
        ("👩\u200d👩", "ok"),
    ],
)
def test_keeps_unchanged(left: str, right: str) -> None:
    assert run([SentencePair(left, right)]) == ([SentencePair(left, right)], {})


def test_a_lone_surrogate_is_no_character() -> None:
    assert run([SentencePair("abc", "x\ud800z")]) == ([], {"control_character": 1})


def test_strips_surrounding_white_space() -> None:
    assert run([SentencePair(" a\u00a0", "\tb ")]) == ([SentencePair("a", "b")], {})


def test_identical_sides_may_be_kept() -> None:
    data = DATA.model_copy(update={"keep_identical": True})
    assert run([SentencePair("GNOME", "GNOME")], data=data) == ([SentencePair("GNOME", "GNOME")], {})


@pytest.mark.parametrize("task", ["comment", "math"])
def test_symbols_and_case_tell_code_and_formulae_apart(task: Task) -> None:
    data = DATA.model_copy(update={"task": task, "max_length_ratio": 9.0})
    pairs = [
        SentencePair("2 + 3", "5"),
        SentencePair("2 * 3", "6"),
        SentencePair("f(X)", "5"),
        SentencePair("f(x)", "5"),
    ]
    report = CleaningReport()
    held_out = frozenset([fold("2  *  3 ", task)])
    kept = clean([*pairs, *pairs], source_name="s", data=data, report=report, seen=set(), held_out=held_out)
    assert list(kept) == [pairs[0], pairs[2], pairs[3]]
    assert report.source("s").dropped == {"held_out": 2, "duplicate": 3}


def test_a_style_pair_may_be_identical() -> None:
    data = DATA.model_copy(update={"task": "style"})
    assert run([SentencePair("same", "same")], data=data) == ([SentencePair("same", "same")], {})


def test_duplicates_differ_in_nothing_but_case_punctuation_and_white_space() -> None:
    pairs = [
        SentencePair("A cat.", "Кот"),
        SentencePair("A cat.", "Кот"),
        SentencePair("a  CAT", "кот!"),
        SentencePair("A cat.", "Кошка"),
        SentencePair("?", "…"),
        SentencePair("!", "…"),
    ]
    kept, dropped = run(pairs)
    assert kept == [pairs[0], pairs[3], pairs[4], pairs[5]]
    assert dropped == {"duplicate": 2}


def test_the_two_sides_do_not_run_together() -> None:
    pairs = [SentencePair("ab", "c"), SentencePair("a", "bc")]
    assert run(pairs) == (pairs, {})


def test_duplicates_are_found_across_sources() -> None:
    report, seen = CleaningReport(), set[bytes]()
    for name in ("first", "second"):
        pair = SentencePair("a", "б")
        list(clean([pair], source_name=name, data=DATA, report=report, seen=seen, held_out=frozenset()))
    assert report.as_dict() == {
        "first": {"read": 1, "kept": 1, "dropped": {}},
        "second": {"read": 1, "kept": 0, "dropped": {"duplicate": 1}},
    }


def test_fold_keeps_what_tells_words_apart() -> None:
    assert fold("Straße") == fold("STRASSE,")
    assert fold("e\u0301te") == fold("éTE")
    assert fold("कि") != fold("की")
    assert fold("1.5") != fold("1.6")
    assert len(fold("x")) == 8


def test_the_report_prints_a_table_and_goes_into_json() -> None:
    report = CleaningReport()
    items: list[SentencePair | BadLine] = [
        SentencePair("a", "б"),
        BadLine("x.tsv:2", "invalid_utf8"),
        BadLine("x.tsv:3", "invalid_utf8"),
    ]
    list(clean(items, source_name="long name", data=DATA, report=report, seen=set(), held_out=frozenset()))
    assert str(report).splitlines() == [
        "source     read  kept  invalid_utf8",
        "long name     3     1             2",
        "total         3     1             2",
        "first invalid_utf8 of long name: x.tsv:2",
    ]
    assert json.loads(json.dumps(report.as_dict())) == {
        "long name": {"read": 3, "kept": 1, "dropped": {"invalid_utf8": 2}}
    }


@settings(deadline=None)
@given(st.lists(st.builds(SentencePair, st.text(max_size=25), st.text(max_size=25))))
def test_nothing_is_lost_and_cleaning_twice_changes_nothing(pairs: list[SentencePair]) -> None:
    kept, dropped = run(pairs)
    assert len(kept) + sum(dropped.values()) == len(pairs)
    assert run(kept) == (kept, {})
