"""What is kept, and what is forgotten first."""

from __future__ import annotations

from dataclasses import replace

from model_store.decoding.segment import Hypothesis
from service.engine.cache import ResultCache
from tests.unit.service.engine.fakes import make_segment

RESULT = (Hypothesis((1,), -1.0, -1.0, finished=True),)


def test_the_least_recently_used_is_forgotten_first() -> None:
    cache = ResultCache(2)
    cache.put(make_segment(1), RESULT)
    cache.put(make_segment(2), RESULT)
    assert cache.get(make_segment(1)) is RESULT
    cache.put(make_segment(3), RESULT)
    assert cache.get(make_segment(2)) is None
    assert cache.get(make_segment(1)) is cache.get(make_segment(3)) is RESULT
    cache.put(make_segment(1), RESULT)
    assert len(cache) == 2


def test_every_option_of_a_segment_is_part_of_the_key() -> None:
    cache = ResultCache(10)
    segment = make_segment(1, beam_size=2)
    cache.put(segment, RESULT)
    for other in (
        replace(segment, source=(2,)),
        replace(segment, max_length=9),
        replace(segment, beam_size=3),
        replace(segment, n_best=2),
        replace(segment, length_penalty=0.5),
        replace(segment, want_attention=True),
    ):
        assert cache.get(other) is None
    assert cache.get(replace(segment)) is RESULT


def test_no_entries_keep_nothing() -> None:
    cache = ResultCache(0)
    cache.put(make_segment(1), RESULT)
    assert cache.get(make_segment(1)) is None
    assert len(cache) == 0
