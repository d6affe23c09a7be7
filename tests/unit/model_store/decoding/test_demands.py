"""Prefixes and terms in the beam, against the slow oracle, and for what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from model_store.config import Attention
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Readout, Rows
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Form, Hypothesis, Segment, Term
from model_store.decoding.spellings import Spellings
from model_store.decoding.terms import Terms
from model_store.errors import SegmentError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.drawn import segments as free_segments
from tests.unit.model_store.decoding.kinds import assert_same
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, SPELLED, open_tiny, tiny_network
from tests.unit.model_store.decoding.oracle import (
    Found,
    bank_of,
    beam_search,
    lacking,
    missing_of,
    network_attention,
    network_log_probs,
)

PIECES = st.integers(4, 23)
FORMS = st.builds(
    Form, st.lists(PIECES, min_size=1, max_size=3).map(tuple), st.booleans(), st.sampled_from((None, True, False))
)
# Sources have at least two tokens.
NEAR = st.lists(st.integers(0, 1), max_size=2).map(tuple)
TERMS = st.builds(Term, st.lists(FORMS, min_size=1, max_size=2).map(tuple), st.integers(1, 2), NEAR)


# Both positions of its source are near: all of the attention, whatever the last bit of the sum says.
ALL_ATTENTION = Segment(
    (19, EOS),
    max_length=3,
    beam_size=1,
    prefix=b"\x81\xe2",
    terms=(Term((Form((12,), False),)), Term((Form((12,), False), Form((4, 4), False)), near=(0, 1))),
)


def oracle(network: Seq2Seq, segment: Segment) -> list[Found]:
    log_probs = network_log_probs(network, segment.source, BOS, FORBIDDEN)
    attention = network_attention(network, segment.source, BOS)
    return beam_search(log_probs, segment, EOS, spelled=SPELLED, attention=attention)


def found(network: Seq2Seq, segment: Segment) -> tuple[Hypothesis, ...]:
    ((_index, hypotheses),) = decode(open_tiny(network), [segment])
    return hypotheses


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    beam = draw(st.integers(1, 6))
    terms = tuple(draw(st.lists(TERMS, max_size=2)))
    fewest = sum(term.count * min(len(form.tokens) for form in term.forms) for term in terms)
    prefix = b"".join(SPELLED[token] for token in draw(st.lists(PIECES, max_size=4)))
    return Segment(
        source=(*draw(st.lists(PIECES, min_size=1, max_size=11)), EOS),
        max_length=draw(st.integers(min(fewest + 1, 16), 16)),
        beam_size=beam,
        n_best=draw(st.integers(1, beam)),
        length_penalty=draw(st.sampled_from((0.0, 1.0))),
        prefix=prefix[: draw(st.integers(0, 6))],
        terms=terms if fewest < 16 else (),
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.one_of(segments(), free_segments(max_beam=4)), min_size=1, max_size=6), st.integers(0, 7))
@example([Segment((4, EOS), max_length=1, beam_size=1), ALL_ATTENTION], 2)
def test_whatever_runs_beside(batch: list[Segment], seed: int) -> None:
    network = tiny_network(seed=seed)
    for index, hypotheses in decode(open_tiny(network), batch):
        assert_same(hypotheses, oracle(network, batch[index]))


@given(st.lists(TERMS, max_size=3).map(tuple), st.lists(st.integers(0, 23), max_size=14))
def test_progress_is_what_counting_finds(terms: tuple[Term, ...], tokens: list[int]) -> None:
    counted = Terms(terms, Spellings(SPELLED).continuing)
    progress = counted.start()
    for length, token in enumerate(tokens, start=1):
        progress = counted.after(progress, token)
        written = tuple(tokens[:length])
        assert progress.missing == tuple(missing_of(written, term, SPELLED) for term in terms)
        assert counted.left(progress) == lacking(written, terms, SPELLED)
        assert counted.bank(progress) == bank_of(written, terms, SPELLED)


@settings(deadline=None, max_examples=60)
@given(segments(), st.integers(0, 7))
def test_what_ends_has_its_terms_and_what_is_written_begins_with_the_prefix(segment: Segment, seed: int) -> None:
    for hypothesis in found(tiny_network(seed=seed), segment):
        text = b"".join(SPELLED[token] for token in hypothesis.tokens)
        if hypothesis.finished:
            assert text.startswith(segment.prefix)
            assert lacking(hypothesis.tokens, segment.terms, SPELLED) == 0
        else:
            assert text.startswith(segment.prefix) or segment.prefix.startswith(text)


@settings(deadline=None, max_examples=60)
@given(segments(), st.integers(0, 7))
def test_terms_are_there_even_where_the_target_is_cut_off(segment: Segment, seed: int) -> None:
    """As long as the prefix leaves room for them, and no word goes on with the last token."""
    network = tiny_network(seed=seed, eos_bias=-9.0)
    terms = tuple(
        replace(term, forms=tuple(replace(form, whole=False) for form in term.forms)) for term in segment.terms
    )
    plain = Segment(segment.source, max_length=segment.max_length, beam_size=segment.beam_size, terms=terms)
    assert lacking(found(network, plain)[0].tokens, plain.terms, SPELLED) == 0


def test_a_prefix_may_be_cut_into_tokens_in_any_way() -> None:
    spellings = Spellings(SPELLED)
    word = "\u2581ab".encode()
    fitting = {SPELLED[token] for token in spellings.fitting(word).ids}
    assert fitting == {SPELLED[4], word, "\u2581abc".encode(), "\u2581aba".encode(), SPELLED[20]}
    assert all(token in range(4, 24) for token in spellings.fitting(word).ids)
    assert spellings.fitting("\u2581xyz".encode()).ids == tuple(
        token for token in range(24) if SPELLED[token] and "\u2581xyz".encode().startswith(SPELLED[token])
    )


def test_pieces_that_go_on_with_a_word() -> None:
    going_on = {SPELLED[token] for token in Spellings(SPELLED).continuing}
    assert {b"a", b"bc", b"1"} <= going_on
    assert not {b"!", b"!?", "\u2581a".encode(), b""} & going_on


def test_without_demands_nothing_changes_for_the_neighbours() -> None:
    network = tiny_network(seed=9)
    plain = [Segment((5 + number, 6, EOS), max_length=9, n_best=4) for number in range(6)]
    alone = [found(network, segment) for segment in plain]
    term = Term((Form((7, 12)),))
    guided = [Segment((5 + number, 6, EOS), max_length=12, terms=(term,)) for number in range(6)]
    mixed = [segment for both in zip(plain, guided, strict=True) for segment in both]
    beside = dict(decode(open_tiny(network), mixed))
    assert [beside[2 * number] for number in range(6)] == alone
    for number in range(6):
        tokens = beside[2 * number + 1][0].tokens
        assert (7, 12) in list(pairwise(tokens))


class WalkingBackend(EagerBackend):
    """Attends to one source position after the other, whatever the network does."""

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        (block,), (readout,) = blocks, super().step(blocks)
        assert readout.weights is not None
        last = readout.weights.shape[2] - 1
        here = torch.nn.functional.one_hot(block.positions.clamp(max=last), last + 1).to(readout.weights.dtype)
        return [replace(readout, weights=here.unsqueeze(1).expand_as(readout.weights))]


def test_a_term_stands_where_its_source_is_attended_to() -> None:
    network = tiny_network(seed=9)
    decoder = open_tiny(network, backend=WalkingBackend(network, source_capacity=12), max_rows=32)
    term = Term((Form((13, 15)),))
    places: list[tuple[int, ...]] = [(0,), (2,), ()]
    batch = [
        Segment((first, 6, 9, 5, 8, EOS), max_length=12, beam_size=8, terms=(replace(term, near=near),))
        for first in range(4, 24)
        for near in places
    ]
    starts: dict[tuple[int, ...], list[int]] = {near: [] for near in places}
    for index, (best,) in decode(decoder, batch):
        starts[batch[index].terms[0].near].append(list(pairwise(best.tokens)).index((13, 15)))
    assert starts[0,] == [0] * 20
    assert starts[2,].count(2) >= 15
    assert starts[()].count(0) + starts[()].count(2) <= 5


@pytest.mark.parametrize("attention", [each for each in get_args(Attention) if each != "none"])
def test_a_place_by_every_attention(attention: Attention) -> None:
    """Weights that are not normalised may be below 0 or above 1."""
    network = tiny_network(attention=attention, seed=7)
    terms = Term((Form((13, 15)),), near=(0,)), Term((Form((9,)), Form((6, 12))), near=(1, 2))
    batch = [Segment((first, 6, 9, EOS), max_length=9, beam_size=2, terms=terms) for first in range(4, 12)]
    for index, hypotheses in decode(open_tiny(network), batch):
        assert_same(hypotheses, oracle(network, batch[index]))


class RoundingBackend(EagerBackend):
    """Attention falls short of its sum by a share of it."""

    def __init__(self, network: Seq2Seq, short: float) -> None:
        super().__init__(network, source_capacity=12)
        self._short = short

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        (readout,) = super().step(blocks)
        assert readout.weights is not None
        return [replace(readout, weights=readout.weights * (1 - self._short))]


@pytest.mark.parametrize("short", [2**-52, 2**-23, 2**-11], ids=["double", "single", "half"])
def test_rounding_of_the_attention_does_not_decide(short: float) -> None:
    """Where a term has all of it, its first token and the network's own best are equal: the lower id comes first."""
    network = tiny_network(seed=9)
    term = Term((Form((13, 15)),), near=tuple(range(6)))
    batch = [Segment((first, 6, 9, 5, 8, EOS), max_length=8, beam_size=1, terms=(term,)) for first in range(4, 24)]
    decoder = open_tiny(network, backend=RoundingBackend(network, short))
    for index, hypotheses in decode(decoder, batch):
        assert_same(hypotheses, oracle(network, batch[index]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Form(()), "terms: a form needs at least one token"),
        (lambda: Term(()), "terms: a term needs at least one form"),
        (lambda: Term((Form((5,)),), 0), "terms: a count of 0 is below 1"),
        (
            lambda: Segment((5,), max_length=4, terms=(Term((Form((5, 6)),), 2),)),
            "terms: 4 tokens and the end do not fit into max_length, 4",
        ),
        (
            lambda: Segment((5, 6), max_length=4, terms=(Term((Form((5,)),), near=(2,)),)),
            r"terms: near: source positions must lie in 0\.\.1",
        ),
    ],
)
def test_what_cannot_be(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(SegmentError, match=message):
        make()


def test_a_prefix_may_repeat_what_nothing_else_may() -> None:
    network = tiny_network(seed=5)
    prefix = "\u2581a\u2581a\u2581a".encode()
    segment = Segment((5, 9, 6, EOS), max_length=14, n_best=4, no_repeat_ngram=1, prefix=prefix)
    ((_index, hypotheses),) = decode(open_tiny(network), [segment])
    assert_same(hypotheses, oracle(network, segment))
    assert hypotheses
    assert all(b"".join(SPELLED[token] for token in each.tokens).startswith(prefix) for each in hypotheses)
