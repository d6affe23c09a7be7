"""Alignment: by words, with the lag of a reversed encoder reckoned with, and what nothing attends to."""

from __future__ import annotations

import torch

from model_store.decoding.segment import Hypothesis
from service.pipeline.alignment import align
from tests.unit.service.fakes import tiny_tokenizer


def aligned(
    source: str, target: str, weights: list[list[float]], *, lags: bool
) -> tuple[list[tuple[str, str]], list[str]]:
    """Words of one token each; weights: shape = (target words, language token + source words + EOS)."""
    tokenizer = tiny_tokenizer()
    ids = tokenizer.source_ids(source, target_language="ru")
    tokens = tuple(tokenizer.encode(target))
    # A row and a column for each token, the words' weights on the first token of each.
    columns = [0] + [i + 1 for i, piece in enumerate(tokenizer.pieces(ids[1:-1])) if piece.startswith("▁")]
    rows = [i for i, piece in enumerate(tokenizer.pieces(tokens)) if piece.startswith("▁")]
    attention = torch.zeros(len(tokens), len(ids))
    for row, values in zip(rows, weights, strict=True):
        attention[row, columns] = torch.tensor(values)
    hypothesis = Hypothesis(tokens, -1.0, -1.0, True, tuple(attention.argmax(dim=1).tolist()), attention)
    alignment = align(source, target, ids, hypothesis, tokenizer, lags=lags)
    assert alignment is not None
    links = [(target[slice(*link.target)], source[slice(*link.source)]) for link in alignment.links]
    return links, [source[slice(*span)] for span in alignment.uncovered]


def test_a_reversed_encoder_lags_by_up_to_a_word() -> None:
    # Each target word's weight lies on the word to the left of what it translates, for the second one in part.
    weights = [[0.9, 0.1, 0.0, 0.0], [0.0, 0.5, 0.3, 0.2], [0.0, 0.0, 0.9, 0.1]]
    links, uncovered = aligned("quick brown foxes", "булок мягких этих", weights, lags=True)
    assert links == [("булок", "quick"), ("мягких", "brown"), ("этих", "foxes")]
    assert uncovered == []
    links, uncovered = aligned("quick brown foxes", "булок мягких этих", weights, lags=False)
    assert [word for _target, word in links] == ["quick", "quick", "brown"]


def test_a_word_that_stands_in_both_is_linked_and_what_nothing_attends_to_is_told() -> None:
    weights = [[0.0, 1.0, 0.0, 0.0], [0.0, 0.9, 0.1, 0.0]]
    links, uncovered = aligned("quick brown fox", "этих brown", weights, lags=False)
    assert links == [("этих", "quick"), ("brown", "brown")]
    assert uncovered == ["brown"]  # and "fox" is too short to say
