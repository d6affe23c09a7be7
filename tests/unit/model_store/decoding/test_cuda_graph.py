"""Steps that are the device's alone: the oracle's results though the host looks late, and nothing that it waits for.

Where there is no CUDA, steps run as they are, without graphs.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model_store.decoding import device_block
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.ways import Clock
from model_store.decoding.device_block import DeviceBlock
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Hypothesis, Segment
from model_store.decoding.step_graphs import StepGraphs, ladder
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import BOS, EOS, FORBIDDEN, every_network, open_tiny, tiny_network
from tests.unit.model_store.decoding.test_exactness import assert_same, oracle, segments


def open_device(network: Seq2Seq, max_rows: int = 24) -> InFlightDecoder:
    there = deepcopy(network).to("cuda" if torch.cuda.is_available() else "cpu")
    backend = CudaGraphBackend(there, source_capacity=12, dtype=torch.float64)
    return open_tiny(network, backend=backend, max_rows=max_rows)


@settings(deadline=None, max_examples=60)
@given(st.lists(segments(), min_size=1, max_size=12), st.integers(0, 7), st.sampled_from([8, 24, 64]))
def test_whatever_the_mix_and_order(batch: list[Segment], seed: int, max_rows: int) -> None:
    network = tiny_network(seed=seed)
    decoded = dict(decode(open_device(network, max_rows), batch))
    assert decoded.keys() == set(range(len(batch)))
    for index, hypotheses in decoded.items():
        assert_same(hypotheses, oracle(network, batch[index]))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), segments(max_beam=4), st.integers(-1, 6)), min_size=1, max_size=12))
def test_arrivals_at_any_step_and_cancelled_neighbours(arrivals: list[tuple[int, Segment, int]]) -> None:
    """Each arrival waits some steps first; some are cancelled so many steps after they came in, done or not."""
    network = tiny_network(seed=3)
    decoder = open_device(network)
    expected: dict[int, Segment] = {}
    results: dict[int, tuple[Hypothesis, ...]] = {}
    doomed: dict[int, int] = {}

    def advance() -> None:
        decoder.step()
        results.update(decoder.collect())
        for ticket, left in list(doomed.items()):
            doomed[ticket] = left - 1
            if left == 0:
                decoder.cancel(ticket)
                expected.pop(ticket)

    for wait, segment, doom in arrivals:
        for _step in range(wait):
            advance()
        while not decoder.room(segment.beam_size):
            advance()
        (ticket,) = decoder.admit([segment])
        expected[ticket] = segment
        if doom >= 0:
            doomed[ticket] = doom
    while decoder.live:
        advance()
    advance()
    assert expected.keys() <= results.keys()
    for ticket, segment in expected.items():
        assert_same(results[ticket], oracle(network, segment))


@every_network
def test_every_network(options: dict[str, Any]) -> None:
    check(tiny_network(**options))


def check(network: Seq2Seq) -> None:
    lengths_and_beams = ((1, 4), (9, 2), (5, 4), (11, 1), (3, 4), (6, 4))
    batch = [
        Segment((*range(5, 5 + length), EOS), max_length=10, beam_size=beam, n_best=beam)
        for length, beam in lengths_and_beams
    ]
    for index, hypotheses in decode(open_device(network), batch):
        assert_same(hypotheses, oracle(network, batch[index]))


def test_attention_comes_with_the_hypotheses() -> None:
    network = tiny_network(seed=5)
    segment = Segment((7, 9, 11, 8, EOS), max_length=10, want_attention=True)
    ((_index, (best,)),) = decode(open_device(network), [segment])
    ((_same, (expected,)),) = decode(open_tiny(network), [segment])
    assert best.attention is not None
    assert expected.attention is not None
    assert best.alignment == expected.alignment
    torch.testing.assert_close(best.attention, expected.attention)


def test_what_is_settled_is_known_before_the_end() -> None:
    network = tiny_network(seed=9, eos_bias=-1.0)
    decoder = open_device(network)
    segment = Segment((7, 9, 11, EOS), max_length=12)
    (ticket,) = decoder.admit([segment])
    settled: list[tuple[int, ...]] = []
    results: dict[int, tuple[Hypothesis, ...]] = {}
    while decoder.live:
        decoder.step()
        results.update(decoder.collect())
        settled.append(decoder.settled(ticket))
    final = results[ticket][0].tokens
    assert any(settled)
    assert all(final[: len(each)] == each for each in settled)


@pytest.mark.parametrize("clock", [None, lambda work: 1.0])
def test_the_host_waits_for_nothing_within_a_step(clock: Clock | None) -> None:
    """Tensors of the meta device have no values: a step that looked at one would fail, as trials of kernels do."""
    network = tiny_network(input_feeding=True, vocabulary=768, dtype=torch.float32).to("meta")
    backend = CudaGraphBackend(network, source_capacity=12, dtype=torch.float16, clock=clock)
    vocabulary = Vocabulary(BOS, EOS, torch.tensor(FORBIDDEN, device="meta"))
    block = DeviceBlock(backend, vocabulary, slots=8, width=4, targets=16)
    block._advance(8, 12)
    assert block.tokens.shape == (8, 4)
    with pytest.raises(RuntimeError):
        block.active.tolist()


def test_what_the_host_has_a_part_in_takes_steps_of_the_usual_kind() -> None:
    """A segment that must not repeat itself and one that wants its search, beside one that is the device's."""
    network = tiny_network(seed=4, eos_bias=-1.0)
    plain = Segment((7, 9, 11, EOS), max_length=9)
    alone = Segment((7, 9, EOS), max_length=9, no_repeat_ngram=1)
    batch = [plain, alone, Segment((8, EOS), max_length=9, want_search=True)]
    decoder = open_device(network)
    found = dict(decode(decoder, batch))
    for index, segment in enumerate(batch):
        assert_same(found[index], oracle(network, segment))
    assert found[2][0].search
    assert sorted(type(block).__name__ for block in decoder._blocks.values()) == ["Block", "DeviceBlock"]


def test_what_is_too_long_for_the_device_takes_steps_of_the_usual_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_block, "MOST_SOURCE_TOKENS", 6)
    monkeypatch.setattr(device_block, "MOST_TARGET_TOKENS", 8)
    network = tiny_network(seed=4)
    batch = [
        Segment((*range(5, 5 + length), EOS), max_length=most)
        for length, most in ((5, 8), (6, 8), (2, 9), (3, 5), (9, 14))
    ]
    decoder = open_device(network, 64)
    for index, hypotheses in decode(decoder, batch):
        assert_same(hypotheses, oracle(network, batch[index]))
    assert {type(block).__name__ for block in decoder._blocks.values()} == {"Block", "DeviceBlock"}


def test_a_step_takes_the_next_shape_of_the_ladder() -> None:
    shapes: list[tuple[int, int]] = []
    graphs = StepGraphs(
        lambda slots, longest: shapes.append((slots, longest)), slots=12, longest=100, device=torch.device("cpu")
    )
    for slots, longest in ((1, 1), (3, 17), (9, 65), (12, 100)):
        graphs.run(slots, longest)
    assert shapes == [(1, 16), (4, 32), (12, 100), (12, 100)]
    assert ladder(1, 1) == (1,)
    assert ladder(16, 16) == (16,)
    assert ladder(1, 8) == (1, 2, 4, 8)
