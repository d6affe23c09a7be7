"""The decoder in flight against the slow oracle: same tokens, same scores, whatever runs beside."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.config import PROVEN, UNPRUNED
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Hypothesis, Segment
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, every_network, open_tiny, tiny_network
from tests.unit.model_store.decoding.oracle import Found, beam_search, network_log_probs


def oracle(network: Seq2Seq, segment: Segment) -> list[Found]:
    return beam_search(network_log_probs(network, segment.source, BOS, FORBIDDEN), segment, EOS)


def assert_same(decoded: Sequence[Hypothesis], expected: Sequence[Found]) -> None:
    assert [hypothesis.tokens for hypothesis in decoded] == [found.tokens for found in expected]
    assert [hypothesis.finished for hypothesis in decoded] == [found.finished for found in expected]
    for hypothesis, found in zip(decoded, expected, strict=True):
        assert hypothesis.log_prob == pytest.approx(found.log_prob, abs=1e-9)
        assert hypothesis.score == pytest.approx(found.score, abs=1e-9)


@st.composite
def segments(draw: st.DrawFn, max_beam: int = 6) -> Segment:
    beam = draw(st.integers(1, max_beam))
    n_best = draw(st.integers(1, beam))
    return Segment(
        source=(*draw(st.lists(st.integers(4, 23), min_size=1, max_size=11)), EOS),
        max_length=draw(st.integers(1, 14)),
        beam_size=beam,
        n_best=n_best,
        length_penalty=draw(st.sampled_from((0.0, 0.6, 1.0, 2.0))),
        horizon=draw(st.sampled_from((0, 1, 4, PROVEN))),
        pruning=draw(st.sampled_from((0.0, 0.7, 2.0, UNPRUNED))) if n_best == 1 else UNPRUNED,
        no_repeat_ngram=draw(st.sampled_from((0, 0, 1, 2, 3))),
    )


@settings(deadline=None, max_examples=40)
@given(st.lists(segments(), min_size=1, max_size=9), st.integers(0, 7))
def test_whatever_the_mix_and_order(batch: list[Segment], seed: int) -> None:
    network = tiny_network(seed=seed)
    for index, hypotheses in decode(open_tiny(network), batch):
        assert_same(hypotheses, oracle(network, batch[index]))


@settings(deadline=None, max_examples=40)
@given(segments(), st.integers(0, 7))
def test_a_horizon_up_to_the_longest_target_proves_the_result(segment: Segment, seed: int) -> None:
    network = tiny_network(seed=seed)
    proven = replace(segment, horizon=segment.max_length)
    ((_index, hypotheses),) = decode(open_tiny(network), [proven])
    log_probs = network_log_probs(network, segment.source, BOS, FORBIDDEN)
    assert_same(hypotheses, beam_search(log_probs, segment, EOS, to_the_end=True))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 4), segments(max_beam=4), st.booleans()), min_size=1, max_size=12))
def test_arrivals_at_any_step_and_cancelled_neighbours(arrivals: list[tuple[int, Segment, bool]]) -> None:
    """Each arrival waits some steps first; some are cancelled two steps after they came in."""
    network = tiny_network(seed=3)
    decoder = open_tiny(network)
    expected: dict[int, Segment] = {}
    results: dict[int, tuple[Hypothesis, ...]] = {}
    doomed: list[int] = []

    def advance() -> None:
        decoder.step()
        results.update(decoder.collect())

    for wait, segment, cancel in arrivals:
        for _step in range(wait):
            advance()
        while not decoder.room(segment.beam_size):
            advance()
        for ticket in doomed:
            decoder.cancel(ticket)
        doomed.clear()
        (ticket,) = decoder.admit([segment])
        if cancel:
            doomed.append(ticket)
        else:
            expected[ticket] = segment
    for ticket in doomed:
        decoder.cancel(ticket)
    while decoder.live:
        advance()
    assert expected.keys() <= results.keys()
    for ticket, segment in expected.items():
        assert_same(results[ticket], oracle(network, segment))


@every_network
def test_every_network(options: dict[str, Any]) -> None:
    check_network(tiny_network(**options))


def test_without_attention_nothing_is_aligned() -> None:
    network = tiny_network(attention="none", seed=4)
    ((_index, (best,)),) = decode(open_tiny(network), [Segment((7, 9, EOS), max_length=8)])
    assert best.alignment is None


def check_network(network: Seq2Seq) -> None:
    generator = torch.Generator().manual_seed(5)
    batch = [
        Segment(
            tuple(torch.randint(4, 24, (length,), generator=generator).tolist()),
            max_length=10,
            beam_size=beam,
            n_best=beam,
        )
        for length, beam in ((1, 4), (9, 2), (5, 4), (12, 1), (3, 4))
    ]
    for index, hypotheses in decode(open_tiny(network), batch):
        assert_same(hypotheses, oracle(network, batch[index]))


def test_beam_of_one_is_greedy() -> None:
    network = tiny_network(seed=6)
    for source in ((5, 6, 7, EOS), (20, EOS), (8, 8, 8, 8, 8, EOS)):
        next_log_probs = network_log_probs(network, source, BOS, FORBIDDEN)
        greedy: list[int] = []
        while len(greedy) < 12:
            log_probs = next_log_probs(greedy)
            token = log_probs.index(max(log_probs))
            if token == EOS:
                break
            greedy.append(token)
        segment = Segment(source, max_length=12, beam_size=1, length_penalty=0.0)
        ((_index, (best,)),) = decode(open_tiny(network), [segment])
        assert best.tokens == tuple(greedy)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_full_width_beam_is_brute_force(alpha: float) -> None:
    """Three writable tokens and EOS, targets of up to 3 tokens: a beam that drops nothing must find the best of all."""
    network = tiny_network(vocabulary=7, seed=7)
    source = (4, 6, 5, EOS)
    next_log_probs = network_log_probs(network, source, BOS, FORBIDDEN)
    every: list[tuple[float, tuple[int, ...]]] = []
    for words in range(4):
        for tokens in itertools.product((4, 5, 6), repeat=words):
            total = sum(next_log_probs(tokens[:i])[token] for i, token in enumerate((*tokens, EOS)))
            every.append((total / ((5 + words + 1) / 6) ** alpha, tokens))
    every.sort(reverse=True)
    segment = Segment(source, max_length=4, beam_size=128, n_best=len(every), length_penalty=alpha)
    ((_index, hypotheses),) = decode(open_tiny(network, max_rows=128), [segment])
    assert len(every) == 40
    assert [hypothesis.tokens for hypothesis in hypotheses] == [tokens for _score, tokens in every]
    assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx([score for score, _tokens in every])


def test_scores_follow_from_log_probs_and_unfinished_ones_come_last() -> None:
    network = tiny_network(seed=0)
    batch = [Segment((9, token, EOS), max_length=6, beam_size=4, n_best=4) for token in range(4, 24)]
    results = [hypotheses for _index, hypotheses in decode(open_tiny(network), batch)]
    kinds = {tuple(hypothesis.finished for hypothesis in hypotheses) for hypotheses in results}
    assert any(len(set(kind)) == 2 for kind in kinds)  # some hold both, or this shows nothing
    assert all(kind == tuple(sorted(kind, reverse=True)) for kind in kinds)
    for hypothesis in itertools.chain.from_iterable(results):
        length = len(hypothesis.tokens) + hypothesis.finished
        assert math.isclose(hypothesis.score, hypothesis.log_prob / ((5 + length) / 6))
