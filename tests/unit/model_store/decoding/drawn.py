"""Segments at random."""

from __future__ import annotations

from hypothesis import strategies as st

from model_store.config import PROVEN, UNPRUNED
from model_store.decoding.segment import Segment
from tests.unit.model_store.decoding.networks import EOS


@st.composite
def segments(draw: st.DrawFn, max_beam: int = 6) -> Segment:
    """That demand nothing."""
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
        least_empty=draw(st.sampled_from((0.0, 0.0, 0.03, 0.3))),
        no_repeat_ngram=draw(st.sampled_from((0, 0, 1, 2, 3))),
    )
