"""The recorded search against the slow oracle's, whatever runs beside and wherever its slot moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Extension, Hypothesis, SearchStep, Segment
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.drawn import segments
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, open_tiny, tiny_network
from tests.unit.model_store.decoding.oracle import Candidate, Step, beam_search, network_log_probs


def expected_steps(network: Seq2Seq, segment: Segment) -> list[Step]:
    history: list[Step] = []
    beam_search(network_log_probs(network, segment.source, BOS, FORBIDDEN), segment, EOS, history)
    return history


def assert_same(found: Sequence[Extension], expected: Sequence[Candidate], penalty: float, within: float) -> None:
    assert [(each.token, each.parent) for each in found] == [(token, row) for token, row, _total in expected]
    assert [each.log_prob for each in found] == pytest.approx([total for *_, total in expected], abs=within)
    assert [each.score for each in found] == pytest.approx([total / penalty for *_, total in expected], abs=within)


def check_search(hypotheses: Sequence[Hypothesis], segment: Segment, expected: Sequence[Step], within: float) -> None:
    """That it is recorded where the segment wants it, and is the oracle's history; `within`: of log-probabilities."""
    search = hypotheses[0].search
    assert all(each.search is None for each in hypotheses[1:])
    assert (search is not None) == segment.want_search
    if search is None:
        return
    assert len(search) == len(expected)
    for length, (step, (live, finished)) in enumerate(zip(search, expected, strict=True), start=1):
        penalty = ((5 + length) / 6) ** segment.length_penalty
        assert_same(step.live, live, penalty, within)
        assert_same(step.finished, finished, penalty, within)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(segments(), st.booleans()), min_size=1, max_size=9), st.integers(0, 7))
def test_every_step_is_the_oracles(batch: list[tuple[Segment, bool]], seed: int) -> None:
    network = tiny_network(seed=seed)
    asked = [replace(segment, want_search=wanted) for segment, wanted in batch]
    for index, hypotheses in decode(open_tiny(network), asked):
        check_search(hypotheses, asked[index], expected_steps(network, asked[index]), 1e-9)


def test_results_are_those_without_it() -> None:
    network = tiny_network(seed=0)
    for token in range(4, 24):
        plain = Segment((9, token, EOS), max_length=8, n_best=4)
        ((_, without),) = decode(open_tiny(network), [plain])
        ((_, recorded),) = decode(open_tiny(network), [replace(plain, want_search=True)])
        assert tuple(replace(each, search=None) for each in recorded) == without


def test_every_result_is_a_path_of_the_search() -> None:
    network = tiny_network(seed=2)
    for token in range(4, 14):
        segment = Segment((token, 7, EOS), max_length=9, n_best=4, want_search=True)
        ((_, hypotheses),) = decode(open_tiny(network), [segment])
        search = hypotheses[0].search
        assert search is not None
        for hypothesis in hypotheses:
            assert hypothesis.tokens in paths(search, hypothesis)


def paths(search: Sequence[SearchStep], hypothesis: Hypothesis) -> list[tuple[int, ...]]:
    """The tokens of all that ended with the hypothesis's log-probability, in the step that it ended in."""
    depth = len(hypothesis.tokens) - (not hypothesis.finished)
    step = search[depth]
    found = []
    for last in step.finished if hypothesis.finished else step.live:
        if last.log_prob != hypothesis.log_prob:
            continue
        tokens = [] if hypothesis.finished else [last.token]
        row = last.parent
        for earlier in reversed(search[:depth]):
            tokens.append(earlier.live[row].token)
            row = earlier.live[row].parent
        found.append(tuple(reversed(tokens)))
    return found
