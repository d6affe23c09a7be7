"""What may be asked of a search on a CPU - a horizon, a prefix, terms, no repeats, its steps: in 8-bit integers against
their own oracle, and on each backend bit by bit the same alone and under load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.config import PROVEN, UNPRUNED
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Form, Hypothesis, Segment, Term
from tests.unit.model_store.decoding.int8_oracle import SOURCE_CAPACITY, TORCHS, Int8Oracle
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, SPELLED, open_tiny, tiny_network
from tests.unit.model_store.decoding.oracle import Step, beam_search
from tests.unit.model_store.decoding.test_demands import TERMS
from tests.unit.model_store.decoding.test_int8 import (
    float32_network,
    kernels_of,
    needs_kernel,
    needs_vnni,
    on_all_kernels,
    vnni_functions,
)
from tests.unit.model_store.decoding.test_search import check_search

VOCABULARY = 300
WORDS = (*SPELLED, *(f"\u2581word{number}".encode() for number in range(VOCABULARY - len(SPELLED))))


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    beam = draw(st.integers(1, 4))
    n_best = draw(st.integers(1, beam))
    prefix = draw(st.sampled_from((b"", b"", *SPELLED[4:8])))
    terms = tuple(draw(st.lists(TERMS, max_size=2)))
    fewest = sum(term.count * min(len(form.tokens) for form in term.forms) for term in terms)
    return Segment(
        source=(*draw(st.lists(st.integers(4, 23), min_size=1, max_size=8)), EOS),
        max_length=draw(st.integers(1, 8)) if fewest < 1 else min(fewest + draw(st.integers(1, 4)), 16),
        beam_size=beam,
        n_best=n_best,
        length_penalty=draw(st.sampled_from((0.0, 1.0))),
        horizon=draw(st.sampled_from((0, 1, 4, PROVEN))),
        pruning=UNPRUNED if n_best > 1 or prefix or terms else draw(st.sampled_from((0.7, 2.0, UNPRUNED))),
        no_repeat_ngram=draw(st.sampled_from((0, 0, 2))),
        prefix=prefix,
        terms=terms if fewest < 16 else (),
        want_search=draw(st.booleans()),
    )


@on_all_kernels
@settings(deadline=None, max_examples=12)
@given(batch=st.lists(segments(), min_size=1, max_size=4))
def test_in_8_bits_it_is_what_their_own_oracle_finds_and_the_same_alone(kernels: str, batch: list[Segment]) -> None:
    network, functions = float32_network(), TORCHS if kernels == "torch" else vnni_functions()
    backend = Int8Backend(network, source_capacity=SOURCE_CAPACITY, kernels=kernels_of(kernels))
    for index, hypotheses in decode(open_tiny(network, backend=backend), batch):
        segment = batch[index]
        oracle = Int8Oracle(network, segment, BOS, FORBIDDEN, functions)
        history: list[Step] = []
        expected = beam_search(oracle.log_probs, segment, EOS, history, SPELLED, oracle.attention)
        assert [each.tokens for each in hypotheses] == [each.tokens for each in expected]
        assert [each.finished for each in hypotheses] == [each.finished for each in expected]
        assert [each.score for each in hypotheses] == pytest.approx([each.score for each in expected], abs=1e-4)
        check_search(hypotheses, segment, history, 1e-4)
        assert hypotheses == alone(open_tiny(network, backend=backend), segment)


def alone(decoder: InFlightDecoder, segment: Segment) -> tuple[Hypothesis, ...]:
    ((_index, hypotheses),) = decode(decoder, [segment])
    return hypotheses


def mixed() -> list[Segment]:
    """Beams and lengths of all kinds, each with another thing asked of it, or with several."""
    generator = torch.Generator().manual_seed(5)
    plain = [
        Segment(
            (*torch.randint(4, VOCABULARY, (length,), generator=generator).tolist(), EOS),
            max_length=12,
            beam_size=beam,
            n_best=beam,
            horizon=horizon,
        )
        for length, beam, horizon in zip(
            (2, 11, 4, 7, 3, 9, 5, 10) * 4, (4, 1, 4, 3, 8, 4, 2, 4) * 4, islice(cycle((PROVEN, 0, 2)), 32), strict=True
        )
    ]
    near = Term((Form((50, 51)), Form((7,))), near=(0, 1))
    asked: tuple[Callable[[Segment], Segment], ...] = (
        lambda each: each,
        lambda each: replace(each, want_search=True),
        lambda each: replace(each, terms=(near,)),
        lambda each: replace(each, prefix=WORDS[60], no_repeat_ngram=1, want_search=True),
        lambda each: replace(each, terms=(near, Term((Form((90,)),), 2)), want_search=True),
    )
    return [change(each) for change, each in zip(cycle(asked), plain, strict=False)]


@pytest.mark.parametrize(
    "kind",
    [
        "eager",
        pytest.param("torch", marks=needs_kernel),
        pytest.param("vnni", marks=needs_vnni),
        pytest.param("vnni, three threads", marks=needs_vnni),
    ],
)
def test_alone_and_under_load_are_the_same(kind: str) -> None:
    """Every bit of every score and of every step of a search, whatever the room and the order."""
    network = tiny_network(vocabulary=VOCABULARY, hidden=40, dtype=torch.float32, seed=11)
    backend: Backend = (
        EagerBackend(network, source_capacity=SOURCE_CAPACITY)
        if kind == "eager"
        else Int8Backend(network, source_capacity=SOURCE_CAPACITY, kernels=kernels_of(kind))
    )
    batch = [
        each if each.prefix or each.terms or each.n_best > 1 else replace(each, pruning=(1.0, UNPRUNED)[place % 2])
        for place, each in enumerate(mixed())
    ]
    together = dict(decode(open_tiny(network, backend=backend, spelled=WORDS, max_rows=256), batch))
    backwards = dict(decode(open_tiny(network, backend=backend, spelled=WORDS, max_rows=40), batch[::-1]))
    for index, segment in enumerate(batch):
        expected = alone(open_tiny(network, backend=backend, spelled=WORDS), segment)
        assert together[index] == expected
        assert backwards[len(batch) - 1 - index] == expected
        assert (together[index][0].search is not None) == segment.want_search
    assert len({best.tokens for best, *_others in together.values()}) > len(batch) / 2
