"""Segments that a noisy channel ranks, and networks that have something to choose between."""

from __future__ import annotations

import random
from functools import cache
from itertools import product

from model_store.decoding.backends.protocol import Backend
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Channel, Segment
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.kinds import Kind
from tests.unit.model_store.decoding.networks import EOS, open_tiny

CHANNEL = Channel((5, 6), 1, 0.5, 12)
Ids = tuple[int, ...]


def drawn(count: int, *, seed: int, most: int = 9) -> list[tuple[int, ...]]:
    """Sequences of ids that are no control tokens, EOS last."""
    generator = random.Random(seed)
    return [(*generator.choices(range(4, 24), k=generator.randint(1, most)), EOS) for _ in range(count)]


@cache
def with_choices(kind: Kind) -> tuple[Seq2Seq, Backend]:
    """A network whose hypotheses often end, so that there are several to choose between."""
    segments = [Segment((4, *each), max_length=9, beam_size=4, n_best=4) for each in drawn(20, seed=8, most=6)]
    for seed, bias in product(range(1, 9), (1.0, 2.5, 4.0)):
        network = kind.network(seed=seed, eos_bias=bias)
        backend = kind.open(network)
        found = dict(decode(open_tiny(network, backend=backend), segments))
        if sum(sum(each.finished for each in hypotheses) > 1 for hypotheses in found.values()) > 9:
            return network, backend
    raise AssertionError("no network of these is one")
