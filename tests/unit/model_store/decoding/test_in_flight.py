"""Slots: admission, refusal, cancellation, alignment, and rows that do not see each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from model_store.config import EncoderConfig
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Encoding, Rows
from model_store.decoding.in_flight import decode
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import SegmentError
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import BOS, EOS, open_tiny, result_of, tiny_network


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


def test_the_last_slot_takes_the_place_of_one_that_is_freed_without_changing_results() -> None:
    """Short ones between long ones finish first, one is cancelled, and more come in."""
    network = tiny_network(seed=9)
    long = [Segment((*source, EOS), max_length=16, n_best=4) for source in ((5, 6), (7, 8, 9), (10,), (11, 12))]
    short = Segment((11, EOS), max_length=1)
    decoder = open_tiny(network, max_rows=64, encode_ahead=0)
    tickets = decoder.admit([long[0], short, long[1], short, long[2], short])
    results: dict[int, tuple[Hypothesis, ...]] = {}
    decoder.step()
    (cancelled, late) = decoder.admit([long[0], long[3]])
    decoder.step()
    decoder.cancel(cancelled)
    assert decoder.room(4) == 16 - decoder.live
    while decoder.live:
        decoder.step()
        results.update(decoder.collect())
    alone = dict(decode(open_tiny(network), long))
    found = [results[ticket] for ticket in (tickets[0], tickets[2], tickets[4], late)]
    assert found == [alone[index] for index in range(4)]
    assert cancelled not in results


def test_slots_are_added_when_they_are_needed() -> None:
    network = tiny_network(seed=9)
    segments = [Segment((5 + number % 15, 6, EOS), max_length=9) for number in range(30)]
    one_by_one = open_tiny(network, max_rows=120)
    tickets = []
    for segment in segments:
        tickets += one_by_one.admit([segment])
    results: dict[int, tuple[Hypothesis, ...]] = {}
    while one_by_one.live:
        one_by_one.step()
        results.update(one_by_one.collect())
    alone = dict(decode(open_tiny(network), segments))
    assert [results[ticket] for ticket in tickets] == [alone[index] for index in range(30)]


def test_what_is_settled_is_never_taken_back() -> None:
    """Read after every step, of segments that run beside each other; some hold finished hypotheses by then."""
    decoder = open_tiny(tiny_network(seed=9, eos_bias=-1.0), max_rows=64)
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
        assert [len(tokens) for tokens in history] == sorted(len(tokens) for tokens in history)
    assert (
        sum(len(history[-1]) for history in settled.values())
        > sum(len(best.tokens) for (best,) in results.values()) / 4
    )
    assert decoder.settled(tickets[0]) == ()


@pytest.mark.parametrize("direction", ["reversed", "forward", "bidirectional"])
def test_alignment_is_in_original_source_order(direction: str) -> None:
    """The weights of the chosen path, recomputed by the teacher-forced pass over it."""
    network = tiny_network(encoder=EncoderConfig.model_validate({"direction": direction}), eos_bias=0.0, seed=10)
    source = (5, 6, 7, 8, 9, EOS)
    segment = Segment(source, max_length=7, n_best=4, want_attention=True)
    ((_index, hypotheses),) = decode(open_tiny(network), [segment])
    best = max(hypotheses, key=lambda hypothesis: len(hypothesis.tokens))
    assert len(best.tokens) > 2
    assert best.attention is not None
    assert best.alignment is not None
    lengths = torch.tensor([len(source)])
    memory, state = network.encode(torch.tensor([source]), lengths)
    for position, token in enumerate((BOS, *best.tokens[:-1])):
        step = network.step(torch.tensor([[token]]), memory, state, torch.tensor([position]))
        assert step.weights is not None
        state = step.state
        torch.testing.assert_close(best.attention[position], step.weights[0, 0].float())
        assert best.alignment[position] == int(step.weights[0, 0].argmax())


def test_float32_alone_and_under_load_are_the_same() -> None:
    """Real widths, so that the fast GEMM kernels run; every bit of every score has to agree."""
    network = tiny_network(vocabulary=500, hidden=96, dtype=torch.float32, seed=11)
    segments = [
        Segment(source, max_length=16, beam_size=beam, n_best=beam)
        for source, beam in zip(sources(24, longest=11, vocabulary=500), (4, 1, 4, 3, 8, 4, 2, 4) * 3, strict=True)
    ]
    together = dict(decode(open_tiny(network, max_rows=96), segments))
    backwards = dict(decode(open_tiny(network, max_rows=128), segments[::-1]))
    for index, segment in enumerate(segments):
        ((_only, alone),) = decode(open_tiny(network, max_rows=32), [segment])
        assert together[index] == alone
        assert backwards[len(segments) - 1 - index] == alone


def test_rows_of_a_step_are_invariant_to_neighbours_and_place() -> None:
    """The claim the fixed shapes rest on, bit by bit: the same slot content gives the same logits in every slot."""
    network = tiny_network(vocabulary=500, hidden=96, dtype=torch.float32, seed=12)
    backend = EagerBackend(network, source_capacity=24)
    slots, width = 8, 4
    generator = torch.Generator().manual_seed(13)

    def content(slot: int) -> tuple[Memory, DecoderState, torch.Tensor]:
        memory, state = backend.empty(slots, width)
        memory.values.copy_(torch.randn(memory.values.shape, generator=generator))
        memory.keys.copy_(torch.randn(memory.keys.shape, generator=generator))
        memory.mask.copy_(torch.rand(memory.mask.shape, generator=generator) < 0.7)
        memory.mask[:, 0] = True
        state.hidden.copy_(torch.randn(state.hidden.shape, generator=generator))
        tokens = torch.randint(0, 500, (slots, width), generator=generator)
        memory.values[slot], memory.keys[slot], memory.mask[slot] = probe_values, probe_keys, probe_mask
        state.hidden[:, :, slot * width : (slot + 1) * width] = probe_state
        tokens[slot] = probe_tokens
        return memory, state, tokens

    probe_values, probe_keys = torch.randn(2, 24, 96, generator=generator)
    probe_mask = torch.arange(24) < 17
    probe_state = torch.randn(2, 2, width, 96, generator=generator)
    probe_tokens = torch.tensor([7, 8, 9, 10])
    seen = set()
    with torch.inference_mode():
        for slot in range(slots):
            memory, state, tokens = content(slot)
            (step,) = backend.step([Rows(tokens, memory, state, torch.zeros(slots, dtype=torch.int64))])
            rows = slice(slot * width, (slot + 1) * width)
            logits = backend.logits(step.readout)
            seen.add((logits[slot].numpy().tobytes(), step.state.hidden[:, :, rows].numpy().tobytes()))
    assert len(seen) == 1


def test_encoding_is_invariant_to_neighbours_and_place() -> None:
    network = tiny_network(vocabulary=500, hidden=96, dtype=torch.float32, seed=14)
    backend = EagerBackend(network, source_capacity=24)
    probe = sources(1, longest=23, vocabulary=500, seed=15)[0]
    seen = set()
    with torch.inference_mode():
        for place in range(9):
            others = sources(11, longest=23, vocabulary=500, seed=place)
            memory, state = result_of(backend.encode([*others[:place], probe, *others[place:]], 1000))
            seen.add((memory.keys[place].numpy().tobytes(), state.hidden[:, :, place].numpy().tobytes()))
    assert len(seen) == 1
