"""A source that is asked for again with a longer prefix is not encoded again, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend, unsupported
from model_store.decoding.backends.protocol import Backend, Encoding
from model_store.decoding.encodings import KEPT_SOURCES, Encoded, Encodings
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Hypothesis, Segment
from model_store.decoding.spellings import Spellings
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, SPELLED, result_of, tiny_network

NETWORK = tiny_network(dtype=torch.float32, hidden=16)
SOURCES = [(4, 5, 6, 7, 8, 9, EOS), (10, EOS), (11, 4, 4, 12, EOS)]
TYPED = "\u2581a\u2581ba!".encode()


class Counted:
    """A backend that notes what it encodes."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.encoded: list[tuple[int, ...]] = []

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        self.encoded += map(tuple, sources)
        return self.backend.encode(sources, rows)

    def __getattr__(self, name: str) -> object:
        return getattr(self.backend, name)


def backend_of(name: str) -> Backend:
    if name == "eager":
        return EagerBackend(NETWORK, source_capacity=12)
    if reason := unsupported(NETWORK.config):
        pytest.skip(reason)
    return Int8Backend(NETWORK, source_capacity=12)


def open_counted(name: str) -> tuple[InFlightDecoder, Counted]:
    counted = Counted(backend_of(name))
    vocabulary = Vocabulary(BOS, EOS, torch.tensor(FORBIDDEN), Spellings(SPELLED))
    return InFlightDecoder(counted, vocabulary, max_target_length=16, max_rows=24), counted  # type: ignore[arg-type]


def segment(source: tuple[int, ...], prefix: bytes) -> Segment:
    return Segment(source, max_length=12, beam_size=3, n_best=2, prefix=prefix, want_attention=True)


def whole_of(encodings: Encodings, segment: Segment) -> list[Encoded]:
    return result_of(encodings.of([segment], len(segment.source)))


def same(one: tuple[Hypothesis, ...], other: tuple[Hypothesis, ...]) -> bool:
    return all(
        (a.tokens, a.log_prob, a.score) == (b.tokens, b.log_prob, b.score)
        and a.attention is not None
        and b.attention is not None
        and torch.equal(a.attention, b.attention)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("name", ["eager", "int8"])
def test_key_after_key_a_source_is_encoded_once_and_the_result_is_that_of_a_fresh_decoder(name: str) -> None:
    decoder, counted = open_counted(name)
    for end in range(3, len(TYPED) + 1):
        # Beside others, which fill the slots and are longer and shorter.
        asked = [segment(SOURCES[end % 3], b""), *(segment(source, TYPED[:end]) for source in SOURCES)]
        found = dict(decode(decoder, asked))
        for index, each in enumerate(asked):
            ((_index, alone),) = decode(open_counted(name)[0], [each])
            assert same(found[index], alone)
    typed = len(TYPED) - 2
    assert [counted.encoded.count(source) for source in SOURCES] == [
        1 + typed // 3 + (typed % 3 > n) for n in (0, 1, 2)
    ]


def test_what_is_kept_is_bounded_in_bytes_and_the_longest_unused_goes_first() -> None:
    backend = EagerBackend(NETWORK, source_capacity=12)
    whole = Encodings(backend).kept.most_bytes
    counted = Counted(backend)
    encodings = Encodings(counted, most_bytes=2 * whole // KEPT_SOURCES)  # type: ignore[arg-type]
    long = [(token, *[5] * 10, EOS) for token in (4, 5, 6)]
    for number in (0, 1, 0, 2, 0, 1):
        whole_of(encodings, segment(long[number], b"a"))
        assert encodings.kept.bytes <= encodings.kept.most_bytes
    assert counted.encoded == [long[0], long[1], long[2], long[1]]
    whole_of(encodings, segment(long[0], b""))  # who has no prefix neither takes nor leaves any
    assert counted.encoded[4:] == [long[0]]
    assert whole_of(Encodings(counted, most_bytes=0), segment(long[0], b"a"))  # type: ignore[arg-type]
