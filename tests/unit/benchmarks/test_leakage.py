"""Leaks: near duplicates by the share of word triples that two texts have in common, references as whole lines."""

from __future__ import annotations

from benchmarks.leakage import leaks

LONG = "the quick brown fox jumps over the lazy dog and runs away from the old farm into the dark wood"


def test_a_source_with_most_triples_of_a_text_has_leaked_and_one_with_some_has_not() -> None:
    sources = [LONG, "a text that has nothing to do with any other of them at all", LONG.replace("dog", "cat")]
    references = ["One.", "Two", "Three"]
    near, known = leaks(sources, references, iter([f"{LONG} again", "two!", "threes"]), 0.8, "translate")
    assert near == {0}
    assert known == {1}


def test_a_reference_that_stands_there_twice_is_known_both_times() -> None:
    near, known = leaks(["x", "y"], ["same", "Same."], ["SAME"], 0.6, "summarize")
    assert (near, known) == (set(), {0, 1})
