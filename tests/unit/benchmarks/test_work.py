"""The work that is measured: targets as varied as text, other sentences in each round, the same on every machine."""

from __future__ import annotations

import pytest

from benchmarks import work
from benchmarks.work import LONGEST, forced_segments, measured_work, open_forced, random_network
from model_store.decoding.backends.choice import open_backend
from model_store.decoding.in_flight import decode


def written() -> set[int]:
    """The tokens that the targets of a small network are made of."""
    small = measured_work(small=True)
    backend = open_backend(random_network(small.config), "eager", source_capacity=LONGEST)
    decoder = open_forced(backend, sentences=8)
    found = decode(decoder, forced_segments(small.sources))
    return {token for _index, (best, *_others) in found for token in best.tokens}


def test_targets_are_more_varied_than_those_of_fresh_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    varied = written()
    assert written() == varied
    monkeypatch.setattr(work, "VARIED", 1.0)
    assert len(varied) > 3 * len(written())


def test_a_round_has_other_sentences_than_the_one_before_until_there_are_no_more() -> None:
    six = measured_work(sentences=6)
    rounds = [six.part(number, 4) for number in range(3)]
    assert rounds == [
        six.sources[:4],
        (*six.sources[4:], *six.sources[:2]),
        six.sources[2:],
    ]
