"""Placeholders are counted where they are, and not in words that are spelled alike."""

from __future__ import annotations

import pytest

from benchmarks.placeholders import Case, distances, place, starts


@pytest.mark.parametrize(
    ("placeholder", "text", "expected"),
    [
        ("-f", "Full-featured (e.g. -f)", [20]),
        ("-f", "-f or -f", [0, 6]),
        ("$1", "$12 of $1.", [7]),
        ("%s", "%size, %s", [7]),
        ("foo_bar", "foo_bars, a_foo_bar", []),
        ("{0}", "file{0}s", [4]),
        ("www.example.org", "www.example.org-Befehl", [0]),
    ],
)
def test_starts(placeholder: str, text: str, expected: list[int]) -> None:
    assert starts(placeholder, text) == expected


def test_a_place_is_the_share_of_the_characters_in_front() -> None:
    assert [place("{0}", text) for text in ("{0}abc", "abc{0}", "abcd{0}efgh")] == [0, 1, 0.5]


def test_distances_are_from_the_place_in_the_reference_of_those_that_are_there() -> None:
    asked = [Case("{0}abc", "abc{0}", ("{0}",)), Case("%s a", "%s b", ("%s",))]
    found = distances(asked, ["abc{0}", "lost"])
    assert found == {"distance": 0, "distance_of_source_places": 1, "far": 0, "far_of_source_places": 1}
