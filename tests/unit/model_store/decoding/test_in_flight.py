"""Slots: admission, refusal, cancellation, alignment, and rows that do not see each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from model_store.config import EncoderConfig
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Encoding
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import SegmentError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.kinds import Kind, on_every_kind
from tests.unit.model_store.decoding.networks import EOS, FORBIDDEN, open_tiny, tiny_network


def sources(count: int, *, longest: int, vocabulary: int, seed: int = 0) -> list[tuple[int, ...]]:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest, (count,), generator=generator).tolist()
    return [(*torch.randint(4, vocabulary, (length,), generator=generator).tolist(), EOS) for length in lengths]


class CountingBackend(EagerBackend):
    """Remembers how many sources were encoded at once."""

    def __init__(self, network: Seq2Seq, *, source_capacity: int) -> None:
        super().__init__(network, source_capacity=source_capacity)
        self.encoded: list[int] = []

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        self.encoded.append(len(sources))
        return super().encode(sources, rows)


def test_room_counts_free_rows() -> None:
    decoder = open_tiny(tiny_network(), max_rows=16, encode_ahead=0)
    assert decoder.room(4) == 4
    assert decoder.room(1) == 16
    decoder.admit([Segment((5, EOS), max_length=9, beam_size=3)])
    assert (decoder.live, decoder.room(4), decoder.room(1)) == (1, 3, 12)


def test_a_finished_segment_leaves_its_slot_to_the_next_at_once() -> None:
    decoder = open_tiny(tiny_network(), max_rows=4, encode_ahead=0)
    (first,) = decoder.admit([Segment((5, EOS), max_length=1)])
    assert decoder.room(4) == 0
    decoder.step()
    assert decoder.room(4) == 1
    (second,) = decoder.admit([Segment((6, EOS), max_length=1)])
    decoder.step()
    assert [ticket for ticket, _hypotheses in decoder.collect()] == [first, second]
    assert decoder.collect() == []


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (Segment((5,) * 13, max_length=4), "source: 13 is too large; allowed: 1..12"),
        (Segment((5,), max_length=17), "max_length: 17 is too large; allowed: 1..16"),
        (Segment((5,), max_length=4, beam_size=17), "beam_size: 17 is too large; allowed: 1..16"),
        (Segment((24,), max_length=4), r"source: ids must lie in 0\.\.23"),
    ],
)
def test_what_cannot_be_decoded_is_refused_and_nothing_is_admitted(segment: Segment, message: str) -> None:
    decoder = open_tiny(tiny_network())
    with pytest.raises(SegmentError, match=message):
        decoder.admit([Segment((5,), max_length=4), segment])
    assert decoder.live == 0


def test_more_than_there_is_room_for_is_refused() -> None:
    decoder = open_tiny(tiny_network(), max_rows=4, encode_ahead=1)
    with pytest.raises(SegmentError, match="no room for 3 more beside the 0 that are live"):
        decoder.admit([Segment((5,), max_length=4)] * 3)
    assert decoder.live == 0
    decoder.admit([Segment((5,), max_length=4)] * 2)
    with pytest.raises(SegmentError, match="no room for 1 more beside the 2 that are live"):
        decoder.admit([Segment((5,), max_length=4)])


def test_more_than_fit_are_encoded_at_once_and_take_the_next_slots_in_their_order() -> None:
    backend = CountingBackend(tiny_network(), source_capacity=12)
    decoder = open_tiny(tiny_network(), max_rows=8, encode_ahead=3, backend=backend)
    assert decoder.room(4) == 5
    lengths = (3, 1, 2, 1, 1)
    tickets = decoder.admit([Segment((5 + length, EOS), max_length=length, n_best=4) for length in lengths])
    assert (backend.encoded, decoder.live, decoder.room(4)) == ([5], 5, 0)
    order = []
    while decoder.live:
        decoder.step()
        order.append([tickets.index(ticket) for ticket, _hypotheses in decoder.collect()])
    # The second slot takes the third at once, then the first slot's is over and takes the fourth, and so on.
    assert order == [[1], [], [0, 2], [3, 4]]
    assert decoder.room(4) == 5


def test_who_needs_more_rows_is_not_overtaken_and_who_leaves_lets_others_in() -> None:
    decoder = open_tiny(tiny_network(), max_rows=8, encode_ahead=3)
    narrow = Segment((5, EOS), max_length=3, beam_size=4)
    wide = Segment((6, EOS), max_length=3, beam_size=8)
    first, waiting, last = decoder.admit([narrow, wide, narrow])
    assert decoder.settled(waiting) == ()
    assert decoder.room(1) == 0
    decoder.step()
    assert decoder.live == 3
    decoder.cancel(waiting)
    finished = []
    while decoder.live:
        decoder.step()
        finished += [ticket for ticket, _hypotheses in decoder.collect()]
    assert finished == [first, last]


def test_cancel_frees_the_slot_and_gives_no_result() -> None:
    decoder = open_tiny(tiny_network())
    kept, dropped = decoder.admit([Segment((5, EOS), max_length=6), Segment((6, EOS), max_length=6)])
    decoder.cancel(dropped)
    decoder.cancel(999)
    assert decoder.live == 1
    results = []
    while decoder.live:
        decoder.step()
        results += decoder.collect()
    assert [ticket for ticket, _hypotheses in results] == [kept]


@on_every_kind
def test_what_is_settled_is_never_taken_back(kind: Kind) -> None:
    """Read after every step, of segments that run beside each other; some hold finished hypotheses by then."""
    network = kind.network(seed=9, eos_bias=-1.0)
    decoder = open_tiny(network, backend=kind.open(network), max_rows=64)
    segments = [Segment((5 + number, 6, EOS), max_length=12, beam_size=1 + number % 4) for number in range(12)]
    tickets = decoder.admit(segments)
    settled: dict[int, list[tuple[int, ...]]] = {ticket: [()] for ticket in tickets}
    results: dict[int, tuple[Hypothesis, ...]] = {}
    assert decoder.settled(tickets[0]) == ()
    while decoder.live:
        decoder.step()
        results.update(decoder.collect())
        for ticket in settled.keys() - results.keys():
            settled[ticket].append(decoder.settled(ticket))
    for ticket, history in settled.items():
        best = results[ticket][0].tokens
        assert all(best[: len(tokens)] == tokens for tokens in history)
        while not history[-1] and len(history) > 1:  # the slot was another's while the result was on its way
            history.pop()
        assert [len(tokens) for tokens in history] == sorted(len(tokens) for tokens in history)
    assert (
        sum(len(history[-1]) for history in settled.values())
        > sum(len(best.tokens) for (best,) in results.values()) / 4
    )
    assert decoder.settled(tickets[0]) == ()


@on_every_kind
@pytest.mark.parametrize("direction", ["reversed", "forward", "bidirectional"])
def test_alignment_is_in_original_source_order(direction: str, kind: Kind) -> None:
    """The weights of the chosen path are the oracle's."""
    network = kind.network(encoder=EncoderConfig.model_validate({"direction": direction}), eos_bias=0.0, seed=10)
    if not kind.runs(network.config):
        pytest.skip("another backend's")
    segment = Segment((5, 6, 7, 8, 9, EOS), max_length=7, n_best=4, want_attention=True)
    ((_index, hypotheses),) = decode(open_tiny(network, backend=kind.open(network)), [segment])
    best = max(hypotheses, key=lambda hypothesis: len(hypothesis.tokens))
    assert len(best.tokens) > 2
    assert best.attention is not None
    assert best.alignment is not None
    oracle = kind.oracle(network, segment, FORBIDDEN)
    for position in range(len(best.tokens)):
        expected = torch.tensor(oracle.attention(best.tokens[:position]))
        torch.testing.assert_close(best.attention[position].float(), expected, rtol=0, atol=max(kind.within, 1e-6))
        assert best.alignment[position] == int(expected.argmax())
