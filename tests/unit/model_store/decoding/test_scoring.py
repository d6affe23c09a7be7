"""Ties, penalties and masks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding.block import Vocabulary
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.scoring import length_penalty, log_probabilities, top_candidates
from model_store.decoding.segment import Segment
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Step
from tests.unit.model_store.decoding.networks import BOS, EOS
from tests.unit.model_store.decoding.oracle import beam_search


@settings(deadline=None)
@given(st.lists(st.sampled_from((-math.inf, -2.0, -1.0, -0.5)), min_size=6, max_size=40), st.integers(1, 6))
def test_of_equals_the_lower_index_comes_first(row: list[float], count: int) -> None:
    values, index = top_candidates(torch.tensor([row, row[::-1]]), count)
    for each, chosen, numbers in zip((row, row[::-1]), index.tolist(), values.tolist(), strict=True):
        expected = sorted(range(len(row)), key=lambda i: (-each[i], i))[:count]
        assert chosen == expected
        assert numbers == [each[i] for i in expected]


def test_length_penalty_is_that_of_wu_et_al() -> None:
    lengths = torch.tensor([1, 7, 19])
    assert length_penalty(lengths, torch.tensor(1.0)).tolist() == pytest.approx([1.0, 2.0, 4.0])
    assert length_penalty(lengths, torch.tensor(0.0)).tolist() == [1.0, 1.0, 1.0]


def test_forbidden_tokens_have_no_probability_and_the_rest_sums_to_one() -> None:
    forbidden = torch.tensor([True, False, False, True])
    log_probs = log_probabilities(torch.tensor([[[9.0, 1.0, 2.0, 9.0]]]), forbidden)
    assert log_probs[0, 0, [0, 3]].tolist() == [-math.inf, -math.inf]
    assert float(log_probs.exp().sum()) == pytest.approx(1.0)


class TableBackend:
    """Next-token logits looked up by the last token: exact numbers, so that ties are exact too."""

    source_capacity = 4
    target_limit = None
    has_attention = False

    def __init__(self, table: torch.Tensor) -> None:
        self.table = table
        self.vocabulary = table.shape[1]

    def encode(self, sources: object) -> tuple[Memory, DecoderState]:
        assert isinstance(sources, list)
        return self.empty(len(sources), 1)

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        keys = torch.zeros(slots, 4, 1, dtype=torch.float64)
        return Memory(keys, keys, torch.ones(slots, 4, dtype=torch.bool)), DecoderState(
            torch.zeros(1, 1, slots * width, 1, dtype=torch.float64)
        )

    def step(self, tokens: torch.Tensor, memory: Memory, state: DecoderState, positions: torch.Tensor) -> Step:
        return Step(self.table[tokens], None, state)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from((0.0, 1.0)), min_size=7, max_size=7), min_size=7, max_size=7),
    st.integers(1, 4),
    st.sampled_from((0.0, 1.0)),
)
def test_ties_in_search_go_to_the_lower_id(table: list[list[float]], beam: int, alpha: float) -> None:
    """Scores are multiples of a few numbers, so most candidates are tied with others."""
    logits = torch.tensor(table, dtype=torch.float64)
    log_probs = torch.log_softmax(logits, dim=-1)
    # Every row normalised to the same few exact values, else sums of equal parts could differ in the last bit.
    rounded = (log_probs * 8).round() / 8
    backend = TableBackend(rounded)
    decoder = InFlightDecoder(
        backend,
        Vocabulary(BOS, EOS, torch.zeros(7, dtype=torch.bool)),
        max_target_length=8,
        block_rows=8,
    )
    segment = Segment((5,), max_length=6, beam_size=beam, n_best=beam, length_penalty=alpha)

    def next_log_probs(prefix: object) -> list[float]:
        assert isinstance(prefix, tuple)
        last = prefix[-1] if prefix else BOS
        return torch.log_softmax(rounded[last], dim=-1).tolist()

    ((_index, hypotheses),) = decode(decoder, [segment])
    expected = beam_search(next_log_probs, segment, EOS)
    assert [hypothesis.tokens for hypothesis in hypotheses] == [found.tokens for found in expected]
