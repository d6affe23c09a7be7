"""Alignment: by words, with the lag of a reversed encoder reckoned with, and what nothing attends to."""

from __future__ import annotations

import torch

from model_store.decoding.segment import Hypothesis
from service.pipeline.alignment import align
from service.pipeline.spans import token_spans
from service.text.words import word_spans
from tests.unit.service.fakes import tiny_tokenizer


def last_tokens(text: str, pieces: list[str]) -> list[int]:
    """Of each word or mark."""
    spans = token_spans(pieces, text)
    assert spans is not None
    return [max(i for i, span in enumerate(spans) if span and span[1] <= end) for _start, end in word_spans(text)]


def aligned(
    source: str, target: str, weights: list[list[float]], *, lags: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    """weights: of words and marks, on the last token of each; shape = (target words, language token + source words)."""
    tokenizer = tiny_tokenizer()
    ids = tokenizer.source_ids(source, target_language="ru")
    tokens = tuple(tokenizer.encode(target))
    columns = [0, *(place + 1 for place in last_tokens(source, tokenizer.pieces(ids[1:-1])))]
    rows = last_tokens(target, tokenizer.pieces(tokens))
    attention = torch.zeros(len(tokens), len(ids))
    for row, values in zip(rows, weights, strict=True):
        attention[row, columns] = torch.tensor(values)
    hypothesis = Hypothesis(tokens, -1.0, -1.0, True, tuple(attention.argmax(dim=1).tolist()), attention)
    alignment = align(source, target, ids, hypothesis, tokenizer, lags=lags)
    assert alignment is not None
    links = [(target[slice(*link.target)], source[slice(*link.source)]) for link in alignment.links]
    return links, [source[slice(*span)] for span in alignment.uncovered]


def test_with_a_reversed_encoder_a_word_is_translated_where_the_one_before_it_is_attended_to() -> None:
    # The second word's weight lies on its own place for a part, as it does now and then.
    weights = [[0.9, 0.1, 0.0, 0.0], [0.0, 0.5, 0.3, 0.2], [0.0, 0.1, 0.8, 0.1]]
    links, uncovered = aligned("quick brown foxes", "булок мягких этих", weights, lags=True)
    assert links == [("булок", "quick"), ("мягких", "brown"), ("этих", "foxes")]
    assert uncovered == []
    links, uncovered = aligned("quick brown foxes", "булок мягких этих", weights, lags=False)
    assert [word for _target, word in links] == ["quick", "quick", "brown"]


def test_a_word_without_a_link_takes_one_from_those_in_front_of_it() -> None:
    # "мягких" attends to "quick", past "the".
    weights = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    links, _uncovered = aligned("quick the foxes", "булок мягких", weights, lags=True)
    assert links == [("булок", "quick"), ("мягких", "foxes")]
    # One that has a link takes none.
    weights = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    links, _uncovered = aligned("quick of foxes", "булок на этих", weights, lags=True)
    assert links == [("булок", "quick"), ("на", "of"), ("этих", "foxes")]
    # What says something gives none that it needs, and of two the one that attends to the other more.
    assert aligned("quick brown", "булок", [[1.0, 0.0, 0.0]], lags=True)[0] == [("булок", "quick")]
    links, _uncovered = aligned("quick brown", "булок мягких", [[0.7, 0.3, 0.0], [1.0, 0.0, 0.0]], lags=True)
    assert links == [("булок", "brown"), ("мягких", "quick")]


def test_punctuation_goes_with_punctuation() -> None:
    weights = [[0.0, 0.9, 0.1, 0.0], [0.0, 0.1, 0.4, 0.5], [0.0, 0.1, 0.8, 0.1]]
    links, _uncovered = aligned("quick foxes.", "булок мягких,", weights, lags=False)
    assert links == [("булок", "quick"), ("мягких", "foxes"), (",", ".")]
    weights = [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert aligned("quick foxes", "булок,", weights, lags=False)[0] == [("булок", "quick")]


def test_a_word_that_stands_in_both_is_linked_and_what_nothing_attends_to_is_told() -> None:
    weights = [[0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.9, 0.05, 0.05, 0.0]]
    links, uncovered = aligned("quick brown jumps fox", "этих brown", weights, lags=False)
    assert links == [("этих", "quick"), ("brown", "brown")]
    assert uncovered == ["jumps"]  # "brown" is there, and "fox" is too short to say
