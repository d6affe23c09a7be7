"""A small storm with every run of the tests; the large one is `python -m tests.load.storm`."""

from __future__ import annotations

from tests.load.storm import weather


def test_nobody_is_lost_and_nobody_gets_the_text_of_another() -> None:
    figures = weather(count=300, connections=40)
    assert figures["wrong"] == figures["lost"] == 0
    assert isinstance(figures["answered"], int)
    assert isinstance(figures["distinct_answers"], float)
    assert figures["answered"] > 100
    assert figures["distinct_answers"] > 0.95
