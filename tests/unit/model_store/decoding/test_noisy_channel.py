"""The noisy channel: probabilities of given targets beside each backend's oracle, and results ranked by them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend, unsupported
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Channel, Hypothesis, Segment
from model_store.errors import SegmentError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.channels import CHANNEL, Ids, drawn, with_choices
from tests.unit.model_store.decoding.int8_oracle import SOURCE_CAPACITY
from tests.unit.model_store.decoding.kinds import ALL, OTHER_CODE, THREADS, TIE, Kind, on, on_every_kind, opened
from tests.unit.model_store.decoding.networks import BOS, EOS, every_network, open_tiny, tiny_network


def read_by_oracle(kind: Kind, network: Seq2Seq, source: Ids, target: Ids) -> tuple[float, float]:
    """Log-probability of a target, BOS first, token by token; and how far off it may be."""
    oracle = kind.oracle(network, Segment(source, max_length=1), ())
    total = sum(oracle.log_probs(target[1:place])[target[place]] for place in range(1, len(target)))
    return total, kind.within if oracle.closest_tie() > TIE else OTHER_CODE


@torch.inference_mode()
def log_probs(backend: Backend, sources: list[tuple[int, ...]], targets: list[tuple[int, ...]]) -> list[float]:
    found: list[float] = backend.target_log_probs(sources, targets).tolist()
    return found


@on_every_kind
def test_a_given_target_has_the_probability_that_its_tokens_have_one_by_one(kind: Kind) -> None:
    network, backend = opened(kind, 3)
    sources, targets = drawn(9, seed=1), [(BOS, *each) for each in drawn(9, seed=2)]
    found = log_probs(backend, sources, targets)
    for source, target, value in zip(sources, targets, found, strict=True):
        expected, within = read_by_oracle(kind, network, source, target)
        assert value == pytest.approx(expected, abs=max(within, 1e-5))
    assert len(set(found)) == 9


@on_every_kind
def test_it_is_the_same_bits_alone_and_beside_others(kind: Kind) -> None:
    _network, backend = opened(kind, 3)
    sources, targets = drawn(70, seed=3), [(BOS, *each) for each in drawn(70, seed=4)]
    together = log_probs(backend, sources, targets)
    alone = [log_probs(backend, [source], [target])[0] for source, target in zip(sources, targets, strict=True)]
    if kind.same_bits:
        assert together == alone
    assert together == pytest.approx(alone, abs=kind.within)


@every_network
def test_any_network_can_be_asked(options: dict[str, object]) -> None:
    network = tiny_network(**options)  # type: ignore[arg-type]
    backends: list[Backend] = [EagerBackend(network, source_capacity=SOURCE_CAPACITY)]
    if unsupported(network.config) is None:
        backends.append(Int8Backend(deepcopy(network).float(), source_capacity=SOURCE_CAPACITY))
    sources, targets = drawn(5, seed=5), [(BOS, *each) for each in drawn(5, seed=6)]
    for backend, within in zip(backends, (1e-5, 0.5), strict=False):
        for source, target, value in zip(sources, targets, log_probs(backend, sources, targets), strict=True):
            with torch.no_grad():
                readouts = network(torch.tensor([source]), torch.tensor([len(source)]), torch.tensor([target[:-1]]))
                each = torch.log_softmax(network.projection(readouts[0]), dim=1)
            total = float(each.gather(1, torch.tensor(target[1:]).unsqueeze(1)).sum())
            assert value == pytest.approx(total, rel=0.02, abs=within)


def ranked_by(segment: Segment, hypothesis: Hypothesis, log_prob: float) -> tuple[bool, float]:
    """Smallest first. log_prob: of the source for the hypothesis."""
    penalty = ((5 + len(segment.source) - CHANNEL.skip) / 6) ** segment.length_penalty
    return not hypothesis.finished, -hypothesis.score - CHANNEL.weight * log_prob / penalty


def ranked_by_hand(segment: Segment, found: Sequence[Hypothesis], log_probs: Sequence[float]) -> list[Ids]:
    """Their tokens, best first. log_probs: of the source for each."""
    if sum(each.finished for each in found) < 2:
        return [each.tokens for each in found]
    weight = CHANNEL.weight / ((5 + len(segment.source) - CHANNEL.skip) / 6) ** segment.length_penalty
    scored = [
        (not each.finished, -each.score - (weight * log_prob if each.finished else 0.0), each.tokens)
        for each, log_prob in zip(found, log_probs, strict=True)
    ]
    return [tokens for _finished, _score, tokens in sorted(scored, key=lambda each: each[:2])]


@on_every_kind
def test_hypotheses_of_the_beam_are_ranked_by_what_they_say_of_the_source(kind: Kind) -> None:
    network, backend = with_choices(kind)
    plain = [Segment((4, *each), max_length=9, beam_size=4, n_best=4) for each in drawn(12, seed=7, most=6)]
    with_channel = [replace(each, channel=CHANNEL) for each in plain]
    searched, ranked, best = (
        dict(decode(open_tiny(network, backend=backend), segments))
        for segments in (plain, with_channel, [replace(each, n_best=1) for each in with_channel])
    )
    moved = 0
    for index, segment in enumerate(plain):
        target, found = (BOS, *segment.source[CHANNEL.skip :]), searched[index]
        read = [read_by_oracle(kind, network, (*CHANNEL.prefix, *each.tokens, EOS), target) for each in found]
        assert [each.tokens for each in ranked[index]] == ranked_by_hand(segment, found, [value for value, _ in read])
        choice = sum(each.finished for each in found) > 1
        for each, (value, within) in zip(found, read, strict=True):
            (same,) = (other for other in ranked[index] if other.tokens == each.tokens)
            assert (same.log_prob, same.score, same.alignment) == (each.log_prob, each.score, each.alignment)
            expected = pytest.approx(value, abs=max(within, 1e-5)) if each.finished and choice else None
            assert same.channel_log_prob == expected
        assert best[index] == ranked[index][:1]
        moved += ranked[index][0].tokens != found[0].tokens
    assert moved > 0


@on(kind for kind in ALL if kind.same_bits)
def test_what_is_ranked_does_not_depend_on_what_runs_beside_it(kind: Kind) -> None:
    """Nor on how much is read beside a step, which follows how many rows there are."""
    network, backend = with_choices(kind)
    segments = [
        Segment((4, *each), max_length=9, beam_size=4, n_best=3, channel=CHANNEL if index % 3 else None)
        for index, each in enumerate(drawn(20, seed=8, most=6))
    ]
    for max_rows in (4, 24, 64):
        together = dict(decode(open_tiny(network, backend=backend, max_rows=max_rows), segments))
        for index, segment in enumerate(segments):
            assert dict(decode(open_tiny(network, backend=backend), [segment]))[0] == together[index]
    ranked = {index for index, each in together.items() if each[0].channel_log_prob is not None}
    assert len(ranked) > 6
    assert not ranked & set(range(0, 20, 3))


@pytest.mark.parametrize("kind", [pytest.param(THREADS, marks=THREADS.needs)], ids=repr)
def test_threads_share_the_reading(kind: Kind) -> None:
    test_it_is_the_same_bits_alone_and_beside_others(kind)


def test_unfinished_hypotheses_come_last_and_the_search_is_told_with_the_best() -> None:
    network = tiny_network(seed=2)
    plain = [Segment((4, *each), max_length=5, beam_size=4, n_best=4) for each in drawn(30, seed=9, most=6)]
    searched = dict(decode(open_tiny(network), [replace(each, want_search=True) for each in plain]))
    ranked = dict(decode(open_tiny(network), [replace(each, want_search=True, channel=CHANNEL) for each in plain]))
    mixed = 0
    for index in range(len(plain)):
        finished = [each.finished for each in ranked[index]]
        assert finished == sorted(finished, reverse=True)
        mixed += len(set(finished)) == 2
        assert ranked[index][0].search == searched[index][0].search
        assert all(each.search is None for each in ranked[index][1:])
    assert mixed > 2


def test_what_is_too_long_to_be_read_comes_behind_what_is_not() -> None:
    network = tiny_network(seed=2)
    plain = [Segment((4, *each), max_length=9, beam_size=4, n_best=4) for each in drawn(30, seed=9, most=6)]
    searched = dict(decode(open_tiny(network), plain))
    kinds = Counter[str]()
    for most in (5, 6, 8):
        channel = replace(CHANNEL, most=most)
        ranked = dict(decode(open_tiny(network), [replace(each, channel=channel) for each in plain]))
        for index, found in searched.items():
            short = [each.finished and len(each.tokens) + 3 <= most for each in found]
            read = [each.channel_log_prob is not None for each in ranked[index]]
            if sum(short) > 1 and short[0]:
                assert read == sorted(short, reverse=True)
                assert {each.tokens for each in ranked[index]} == {each.tokens for each in found}
                kinds["some" if not all(short) else "all"] += 1
            else:
                assert ranked[index] == found
                kinds["none"] += 1
    assert min(kinds[each] for each in ("some", "none")) > 3


def test_one_hypothesis_is_not_read() -> None:
    segment = Segment((4, 7, 8, EOS), max_length=9, beam_size=1, channel=CHANNEL)
    ((hypothesis,),) = dict(decode(open_tiny(tiny_network(seed=3)), [segment])).values()
    assert hypothesis.channel_log_prob is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prefix": b"a"}, "channel: not with a prefix"),
        ({"pruning": 3.0}, "pruning: 3.0, but only .* goes with n_best, a channel"),
        ({"channel": Channel((5,), 3, 0.5, 9)}, "channel: skip: 3 leaves nothing of the source"),
    ],
)
def test_what_does_not_go_with_a_channel_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SegmentError, match=message):
        replace(Segment((4, 7, EOS), max_length=9, channel=CHANNEL), **changes)  # type: ignore[arg-type]
    for weight, skip in ((-1.0, 1), (1.0, -1), (math.nan, 1), (math.inf, 1)):
        with pytest.raises(SegmentError, match="channel: "):
            Channel((5,), skip, weight, 9)
