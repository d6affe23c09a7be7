"""Signals of quality, on outputs of the shipped bundle among others."""

from __future__ import annotations

import pytest

from service.pipeline.quality import changes_numbers, is_low, repeats


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("the efforts of many people.", "много людей много людей.", True),
        ("for the last decade", "худом, худом, худом", True),
        ("stroke to the last", "какая-то, какая-то, какая-то, какая-то", True),
        ("Only bytes", "только только байты", False),  # two words are a slip, no loop
        ("no, no, no", "нет, нет, нет", False),
        ("no, no, no", "нет, нет, нет, нет", True),
        ("Open the file", "Откройте файл", False),
        ("", "", False),
    ],
)
def test_repetition(source: str, target: str, expected: bool) -> None:
    assert repeats(source, target) is expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("250,000 people", "250 000 человек", False),
        ("250,000 people", "2500,000 человек", True),
        ("in 2.5 of 3", "в 2,5 из 3", False),
        ("G4442", "G44442", True),
        ("1, 2, 3", "3, 1, 2", False),
        ("two", "2", True),
        ("10 of 10", "10", True),
    ],
)
def test_numbers(source: str, target: str, expected: bool) -> None:
    assert changes_numbers(source, target) is expected


def test_a_low_score() -> None:
    assert (is_low(-1.6), is_low(-1.4)) == (True, False)
