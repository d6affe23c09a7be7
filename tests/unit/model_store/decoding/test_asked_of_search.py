"""What may be asked of a search - a horizon, a prefix, terms, no repeats, its steps - on every backend but in float16,
whose choices follow roundings: against its own oracle, and bit by bit the same alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.config import PROVEN, UNPRUNED
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Segment
from tests.unit.model_store.decoding.kinds import ALL, Kind, assert_same, on, opened
from tests.unit.model_store.decoding.networks import EOS, FORBIDDEN, SPELLED, open_tiny
from tests.unit.model_store.decoding.oracle import Step, beam_search
from tests.unit.model_store.decoding.test_demands import TERMS
from tests.unit.model_store.decoding.test_search import check_search


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
        least_empty=draw(st.sampled_from((0.0, 0.0, 0.03, 0.3))),
        no_repeat_ngram=draw(st.sampled_from((0, 0, 2))),
        prefix=prefix,
        terms=terms if fewest < 16 else (),
        want_search=draw(st.booleans()),
    )


@on(each for each in ALL if not each.rounds)
@settings(max_examples=8)
@given(batch=st.lists(segments(), min_size=1, max_size=4))
def test_it_is_what_the_oracle_finds_and_the_same_alone(kind: Kind, batch: list[Segment]) -> None:
    network, backend = opened(kind, 3)
    for index, hypotheses in decode(open_tiny(network, backend=backend), batch):
        segment = batch[index]
        oracle = kind.oracle(network, segment, FORBIDDEN)
        history: list[Step] = []
        expected = beam_search(oracle.log_probs, segment, EOS, history, SPELLED, oracle.attention)
        assert_same(hypotheses, expected, kind.within)
        check_search(hypotheses, segment, history, kind.within)
        ((_only, alone),) = decode(open_tiny(network, backend=backend), [segment])
        assert hypotheses == alone or not kind.same_bits
