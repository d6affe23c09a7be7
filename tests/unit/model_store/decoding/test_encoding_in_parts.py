"""Sources are encoded in parts between the steps of segments that are live, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from model_store.decoding.backends import simd
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend
from model_store.decoding.backends.int8_kernels import TorchKernels
from model_store.decoding.backends.int8_linear import is_exact
from model_store.decoding.backends.protocol import Backend, Encoding, Readout, Rows
from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Hypothesis, Segment
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import EOS, open_tiny, result_of, tiny_network

CAPACITY = 32
BACKENDS: dict[str, Callable[[Seq2Seq], Backend]] = {
    "eager": lambda network: EagerBackend(network, source_capacity=CAPACITY),
    "torch": lambda network: Int8Backend(network, source_capacity=CAPACITY, kernels=TorchKernels()),
    "simd": lambda network: Int8Backend(network, source_capacity=CAPACITY, kernels=simd.open_kernels(Threads(2))),
}
on_every_backend = pytest.mark.parametrize(
    "name",
    [
        "eager",
        pytest.param("torch", marks=pytest.mark.skipif(not is_exact(), reason="no exact 8-bit kernel")),
        pytest.param("simd", marks=pytest.mark.skipif(not simd.available(), reason="neither AVX-512 VNNI nor AVX2")),
    ],
)
LENGTHS = (3, 31, 8, 8, 1, 17)
SOURCES = [tuple(4 + (start + place) % 20 for place in range(length)) for start, length in enumerate(LENGTHS)]


def network_of(*, input_feeding: bool = False) -> Seq2Seq:
    return tiny_network(hidden=40, layers=3, dtype=torch.float32, input_feeding=input_feeding, seed=3)


class Watched:
    """A backend that notes, in order, each part that it encodes and the hypotheses of each step."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.seen: list[str] = []

    def encode(self, sources: list[tuple[int, ...]], rows: int) -> Encoding:
        encoding = self.backend.encode(sources, rows)
        while True:
            self.seen.append("part")
            try:
                next(encoding)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            yield

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        self.seen.append("step")
        return self.backend.step(blocks)

    def __getattr__(self, name: str) -> object:
        return getattr(self.backend, name)


def watched(name: str) -> tuple[InFlightDecoder, list[str]]:
    backend = Watched(BACKENDS[name](network_of()))
    return open_tiny(network_of(), max_rows=64, encode_ahead=8, backend=backend), backend.seen  # type: ignore[arg-type]


def parts_of(encoding: Encoding) -> tuple[int, Memory, DecoderState]:
    parts = 1
    while True:
        try:
            next(encoding)
        except StopIteration as end:
            return (parts, *end.value)
        parts += 1


def parts_expected(rows: int) -> int:
    """Of one position and more, no more tokens than `rows`."""
    position = parts = 0
    while position < max(LENGTHS):
        live = sum(length > position for length in LENGTHS)
        position += max(rows // live, 1)
        parts += 1
    return parts


@on_every_backend
@pytest.mark.parametrize("input_feeding", [False, True])
@torch.inference_mode()
def test_parts_come_to_what_the_whole_comes_to_bit_by_bit(name: str, input_feeding: bool) -> None:
    backend = BACKENDS[name](network_of(input_feeding=input_feeding))
    memory, state = result_of(backend.encode(SOURCES, 1000))
    for rows in (1, 6, 7, 20, 50, 1000):
        parts, found, first = parts_of(backend.encode(SOURCES, rows))
        assert parts == (1 if name == "eager" else parts_expected(rows))
        assert torch.equal(found.keys, memory.keys)
        assert torch.equal(found.values, memory.values)
        assert torch.equal(found.mask, memory.mask)
        assert torch.equal(first.hidden, state.hidden)


def test_eight_sources_are_a_part_of_the_eager_network() -> None:
    backend = EagerBackend(network_of(), source_capacity=CAPACITY)
    with torch.inference_mode():
        parts, _memory, _state = parts_of(backend.encode(SOURCES * 3, 1))
    assert parts == 3


@on_every_backend
def test_who_is_live_steps_between_the_parts_of_those_who_come(name: str) -> None:
    decoder, seen = watched(name)
    running = Segment((5, 6, EOS), max_length=16, beam_size=4)
    many = [Segment(source, max_length=5, beam_size=4) for source in SOURCES * 3]  # 204 tokens, 64 and more a part
    (first,) = decoder.admit([running])
    assert seen == ["part"]  # at once, since nobody waits for it
    decoder.step()
    tickets = decoder.admit(many)
    assert decoder.encoding == set(tickets)
    assert (decoder.live, decoder.room(4)) == (19, 0)
    results: dict[int, tuple[Hypothesis, ...]] = {}
    while decoder.live:
        decoder.step()
        results.update(decoder.collect())
    work = "".join(each[0] for each in seen[2:])
    assert work.startswith("pspsps")
    alone = dict(decode(open_tiny(network_of(), backend=BACKENDS[name](network_of())), [running, *many]))
    assert [results[ticket] for ticket in (first, *tickets)] == [alone[index] for index in range(19)]


@pytest.mark.parametrize("name", ["torch"])
def test_who_comes_whilegones_are_encoded_has_its_turn_and_who_leaves_is_not_placed(name: str) -> None:
    if not is_exact():
        pytest.skip("no exact 8-bit kernel")
    decoder, _seen = watched(name)
    (first,) = decoder.admit([Segment((5, EOS), max_length=16, beam_size=4)])
    long, gone, leaves = decoder.admit([Segment(SOURCES[1], max_length=5)] * 3)
    decoder.cancel(gone)
    (later,) = decoder.admit([Segment((6, EOS), max_length=5, beam_size=8)])
    assert decoder.encoding == {long, leaves, later}
    decoder.cancel(leaves)
    assert decoder.encoding == {long, later}
    assert decoder.live == 3
    ended = []
    while decoder.live:
        decoder.step()
        ended += [ticket for ticket, _hypotheses in decoder.collect()]
    assert sorted(ended) == [first, long, later]


def test_a_part_that_fails_takes_its_own_segments_along_only() -> None:
    """The decoder goes on with all others, those who came behind them too."""

    class Failing(EagerBackend):
        def encode(self, sources: object, rows: int) -> Encoding:
            yield
            raise RuntimeError("out of memory")

    network = network_of()
    backend = EagerBackend(network, source_capacity=CAPACITY)
    decoder = open_tiny(network, max_rows=64, backend=backend)
    (first,) = decoder.admit([Segment((5, EOS), max_length=5)])
    decoder.newcomers.encodings._backend = Failing(network, source_capacity=CAPACITY)
    lost = decoder.admit([Segment((6,) * 24, max_length=3)] * 3)
    decoder.step()
    assert decoder.encoding == set(lost)
    decoder.newcomers.encodings._backend = backend
    (later,) = decoder.admit([Segment((7, EOS), max_length=3)])  # behind those who fail, and none of theirs
    assert decoder.encoding == {*lost, later}
    results: dict[int, tuple[Hypothesis, ...]] = {}
    while decoder.live:
        decoder.step()
        results.update(decoder.collect())
    assert {ticket for ticket, hypotheses in results.items() if not hypotheses} == set(lost)
    assert results.keys() == {first, later, *lost}


def test_who_is_cancelled_before_being_encoded_is_not_encoded() -> None:
    decoder, seen = watched("eager")
    (first,) = decoder.admit([Segment((5, EOS), max_length=3)])
    gone = decoder.admit([Segment((6,) * 24, max_length=3)] * 20)[3:]
    for ticket in [*gone, *range(first + 1, gone[0])]:
        decoder.cancel(ticket)
    assert decoder.live == 1
    parts = seen.count("part")
    while decoder.live:
        decoder.step()
    assert seen.count("part") == parts
    assert [ticket for ticket, _hypotheses in decoder.collect()] == [first]
