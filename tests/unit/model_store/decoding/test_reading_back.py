"""What a noisy channel reads, and when: beside steps, behind those of a device, of segments that are cancelled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
import torch

from model_store.decoding.backends import cuda_graph
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Results, Segment
from tests.unit.model_store.decoding.channels import CHANNEL, Ids, drawn, with_choices
from tests.unit.model_store.decoding.kinds import EAGER
from tests.unit.model_store.decoding.networks import BOS, EOS, open_tiny, tiny_network

ON_DEVICE = partial(CudaGraphBackend, dtype=torch.float64)


@pytest.mark.parametrize("backend_type", [EagerBackend, ON_DEVICE])
@pytest.mark.parametrize("value", [math.nan, -math.inf, RuntimeError("out of memory")])
def test_what_cannot_be_read_is_as_the_search_has_it(
    backend_type: Callable[..., Backend], value: float | Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(sources: Sequence[Ids], _targets: Sequence[Ids]) -> torch.Tensor:
        if isinstance(value, Exception):
            raise value
        return torch.full((len(sources),), value)

    network = tiny_network(seed=3)
    backend = backend_type(network, source_capacity=12)
    segments = [Segment((4, *each), max_length=9, beam_size=4, n_best=4) for each in drawn(8, seed=7, most=6)]
    searched = dict(decode(open_tiny(network, backend=backend), segments))
    monkeypatch.setattr(backend, "target_log_probs", mistaken)
    found = dict(decode(open_tiny(network, backend=backend), [replace(each, channel=CHANNEL) for each in segments]))
    assert found == searched


def test_a_device_reads_many_at_once_and_other_steps_go_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    network, _backend = with_choices(EAGER)
    backend = ON_DEVICE(network, source_capacity=12)
    decoder = open_tiny(network, backend=backend, max_rows=32)
    asked: list[int] = []
    steps = 0
    read = backend.target_log_probs

    def counted(sources: Sequence[Ids], targets: Sequence[Ids]) -> torch.Tensor:
        asked.append(steps)
        return read(sources, targets)

    monkeypatch.setattr(backend, "target_log_probs", counted)
    waiting = [Segment((4, *each), max_length=9, beam_size=4, channel=CHANNEL) for each in drawn(90, seed=8, most=6)]
    while waiting:
        room = decoder.room(4)
        decoder.admit(waiting[:room])
        waiting = waiting[room:]
        decoder.step()
        steps += 1
    assert len(asked) > 2
    assert min(later - earlier for earlier, later in pairwise(asked)) >= 8


@pytest.mark.parametrize("backend_type", [EagerBackend, ON_DEVICE])
def test_segments_that_are_ranked_are_live_until_they_are_collected(backend_type: Callable[..., Backend]) -> None:
    """A reading of each takes more than one step if others run."""
    network, _backend = with_choices(EAGER)
    backend = backend_type(network, source_capacity=12)
    decoder = open_tiny(network, backend=backend, max_rows=8)
    waiting = [Segment((4, *each), max_length=9, beam_size=4, channel=CHANNEL) for each in drawn(30, seed=8, most=6)]
    tickets = set[int]()
    ranking = 0
    while waiting or decoder.live:
        room = decoder.room(4)
        tickets |= set(decoder.admit(waiting[:room]))
        waiting = waiting[room:]
        decoder.step()
        ranking += len(decoder._channel) > 0
        tickets -= {ticket for ticket, _found in decoder.collect()}
        assert decoder.live == len(tickets)
    assert ranking > 3


@pytest.mark.parametrize("backend_type", [EagerBackend, ON_DEVICE])
@pytest.mark.parametrize("steps", range(1, 13))
def test_a_cancelled_segment_leaves_nothing_behind(backend_type: Callable[..., Backend], steps: int) -> None:
    network = tiny_network(seed=3)
    decoder = open_tiny(network, backend=backend_type(network, source_capacity=12))
    tickets = decoder.admit(
        [Segment((4, 7, token, EOS), max_length=9, beam_size=8, channel=CHANNEL) for token in (8, 9)]
    )
    for _ in range(steps):
        decoder.step()
    for ticket in tickets:
        decoder.cancel(ticket)
    assert not decoder.live
    assert not decoder._channel._expected
    decoder.collect()
    assert dict(decode(decoder, [Segment((4, 7, EOS), max_length=9, channel=CHANNEL)]))[0]


def test_a_segment_that_cannot_be_encoded_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = open_tiny(tiny_network(seed=3))
    monkeypatch.setattr(decoder.backend, "encode", lambda *_: (_ for _ in [1 / 0]))
    with pytest.raises(ZeroDivisionError):
        decoder.admit([Segment((4, 7, EOS), max_length=9, channel=CHANNEL)])
    assert not decoder._channel._expected


def test_what_ends_long_after_the_last_reading_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network, _backend = with_choices(EAGER)
    backend = ON_DEVICE(network, source_capacity=12)
    decoder = open_tiny(network, backend=backend, max_rows=8)
    ended: list[bool] = []
    asked: list[int] = []
    take, read = decoder._channel.take, backend.target_log_probs

    def taken(found: Results) -> Results:
        ended.append(bool(found))
        return take(found)

    def counted(sources: Sequence[Ids], targets: Sequence[Ids]) -> torch.Tensor:
        asked.append(len(ended))
        return read(sources, targets)

    monkeypatch.setattr(decoder._channel, "take", taken)
    monkeypatch.setattr(backend, "target_log_probs", counted)
    for _step in range(20):  # with nothing to read
        decoder.step()
    ended.clear()
    decoder.admit([Segment((4, *each), max_length=9, beam_size=4, channel=CHANNEL) for each in drawn(2, seed=8)])
    while decoder.live:
        decoder.step()
    assert asked[0] == ended.index(True) + 1


def test_pairs_of_any_lengths_are_read_in_parts_of_like_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    network = tiny_network(seed=3)
    backend = ON_DEVICE(network, source_capacity=12)
    sources, targets = drawn(40, seed=1), [(BOS, *each) for each in drawn(40, seed=2)]
    whole = backend.target_log_probs(sources, targets)
    sizes: list[int] = []
    whole_forward = backend.network.forward

    def forward(source: torch.Tensor, lengths: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        sizes.append(len(source) * max(source.shape[1], told.shape[1]))
        read: torch.Tensor = whole_forward(source, lengths, told)
        return read

    monkeypatch.setattr(backend.network, "forward", forward)
    monkeypatch.setattr(cuda_graph, "ROWS_AT_ONCE", 30)
    in_parts = backend.target_log_probs(sources, targets)
    assert torch.allclose(in_parts, whole, atol=1e-6)
    assert len(sizes) > 8
    assert max(sizes) <= 30
    assert len(set(whole.tolist())) == 40
