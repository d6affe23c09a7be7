"""Every backend: a segment is the same alone and under load, bit by bit where rows do not follow how many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle, islice

import pytest
import torch

from model_store.config import PROVEN, UNPRUNED
from model_store.decoding.backends.protocol import Backend, Rows
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Form, Hypothesis, Segment, Term
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.int8_oracle import SOURCE_CAPACITY
from tests.unit.model_store.decoding.kinds import ALL, THREADS, Kind, on, on_every_kind
from tests.unit.model_store.decoding.networks import EOS, SPELLED, check_rows, open_tiny, result_of

on_kinds_of_same_bits = on(each for each in (*ALL, THREADS) if each.same_bits)
VOCABULARY = 300
WORDS = (*SPELLED, *(f"\u2581word{number}".encode() for number in range(VOCABULARY - len(SPELLED))))
Results = Sequence[tuple[Hypothesis, ...]]


def plain() -> list[Segment]:
    """Of beams and lengths of all kinds, searched for longer or shorter."""
    generator = torch.Generator().manual_seed(5)
    lengths, beams, horizons = (2, 11, 4, 7, 3, 9, 5, 10), (4, 1, 4, 3, 8, 4, 2, 4), (PROVEN, 0, 2)
    return [
        Segment(
            (*torch.randint(4, VOCABULARY, (length,), generator=generator).tolist(), EOS),
            max_length=12,
            beam_size=beam,
            n_best=beam if number % 3 else 1,
            horizon=horizon,
            pruning=UNPRUNED if number % 3 else 1.0,
        )
        for number, (length, beam, horizon) in enumerate(
            islice(zip(cycle(lengths), cycle(beams), cycle(horizons), strict=False), 24)
        )
    ]


def mixed() -> list[Segment]:
    """The same, each with another thing asked of it, or with several."""
    near = Term((Form((50, 51)), Form((7,))), near=(0, 1))
    asked: tuple[Callable[[Segment], Segment], ...] = (
        lambda each: each,
        lambda each: replace(each, want_search=True),
        lambda each: replace(each, terms=(near,), pruning=UNPRUNED),
        lambda each: replace(each, prefix=WORDS[60], no_repeat_ngram=1, want_search=True, pruning=UNPRUNED),
        lambda each: replace(each, terms=(near, Term((Form((90,)),), 2)), want_search=True, pruning=UNPRUNED),
    )
    return [change(each) for change, each in zip(cycle(asked), plain(), strict=False)]


def open_words(network: Seq2Seq, backend: Backend, max_rows: int = 24) -> InFlightDecoder:
    return open_tiny(network, backend=backend, spelled=WORDS, max_rows=max_rows)


def check_alike(kind: Kind, network: Seq2Seq, backend: Backend, batch: Sequence[Segment], *found: Results) -> None:
    """That results of a batch are those that each segment has alone, or both of them its oracle's."""
    for index, segment in enumerate(batch):
        ((_only, alone),) = decode(open_words(network, backend), [segment])
        for each in found:
            if kind.same_bits:
                assert each[index] == alone
            else:
                expected = kind.expects(network, segment)
                expected.check(alone)
                expected.check(each[index])


@pytest.mark.parametrize("hidden", [96, 37])
@on((*ALL, THREADS))
def test_alone_and_under_load_are_the_same(kind: Kind, hidden: int) -> None:
    """Real types and widths, so that the fast kernels run; every bit of every score and of every step of a search,
    whatever the room and the order."""
    network = kind.network(vocabulary=VOCABULARY, hidden=hidden, dtype=kind.real, eos_bias=2.5, seed=11)
    backend = kind.open(network)
    batch = mixed() if kind.same_bits else plain()[:12]
    together = dict(decode(open_words(network, backend, 256), batch))
    backwards = dict(decode(open_words(network, backend, 40), batch[::-1]))
    last = len(batch) - 1
    found = [together[place] for place in range(len(batch))], [backwards[last - place] for place in range(len(batch))]
    check_alike(kind, network, backend, batch, *found)
    assert len({best.tokens for best, *_others in found[0]}) > len(batch) / 2
    assert all((best.search is not None) == each.want_search for (best, *_), each in zip(found[0], batch, strict=True))


@on_every_kind
def test_the_last_slot_takes_the_place_of_one_that_is_freed_without_changing_results(kind: Kind) -> None:
    """Short ones between long ones finish first, one in the middle is cancelled, and more come in."""
    network = kind.network(seed=9)
    backend = kind.open(network)
    long = [Segment((*source, EOS), max_length=16, n_best=4) for source in ((5, 6), (7, 8, 9), (10,), (11, 12))]
    short = Segment((11, EOS), max_length=1)
    decoder = open_tiny(network, backend=backend, max_rows=64, encode_ahead=0)
    first, cancelled, *tickets = decoder.admit([long[0], long[3], short, long[1], short, long[2], short])
    decoder.step()
    (late,) = decoder.admit([long[3]])
    decoder.step()
    results = dict(decoder.collect())
    decoder.cancel(cancelled)
    results |= run_out(decoder)
    found = [results[ticket] for ticket in (first, tickets[1], tickets[3], late)]
    check_alike(kind, network, backend, long, found)
    assert cancelled not in results


@on_every_kind
def test_slots_are_added_when_they_are_needed(kind: Kind) -> None:
    network = kind.network(seed=9)
    backend = kind.open(network)
    segments = [Segment((5 + number % 15, 6, EOS), max_length=9) for number in range(30)]
    one_by_one = open_tiny(network, backend=backend, max_rows=120)
    tickets = [one_by_one.admit([segment])[0] for segment in segments]
    results = run_out(one_by_one)
    check_alike(kind, network, backend, segments, [results[ticket] for ticket in tickets])


def run_out(decoder: InFlightDecoder) -> dict[int, tuple[Hypothesis, ...]]:
    results: dict[int, tuple[Hypothesis, ...]] = {}
    while decoder.live:
        decoder.step()
        results.update(decoder.collect())
    return results


@on_kinds_of_same_bits
@pytest.mark.parametrize("input_feeding", [False, True])
def test_hypotheses_that_are_not_there_change_nothing(input_feeding: bool, kind: Kind) -> None:
    check_rows(
        kind.open(kind.network(vocabulary=500, hidden=96, input_feeding=input_feeding, dtype=kind.real, seed=13))
    )


@on_kinds_of_same_bits
@pytest.mark.parametrize(("hidden", "width"), [(96, 4), (37, 4), (37, 2), (37, 1), (50, 1)])
def test_rows_of_a_step_are_invariant_to_neighbours_and_place(kind: Kind, hidden: int, width: int) -> None:
    """The same content of a slot comes to the same in every slot, bit by bit, wherever in memory rows begin."""
    backend = kind.open(kind.network(vocabulary=500, hidden=hidden, dtype=kind.real, seed=12))
    slots = 32 // width
    generator = torch.Generator().manual_seed(13)

    def content(slot: int) -> tuple[Memory, DecoderState, torch.Tensor]:
        memory, state = backend.empty(slots, width)
        memory.values.copy_(torch.randn(memory.values.shape, generator=generator))
        memory.keys.copy_(torch.randn(memory.keys.shape, generator=generator))
        lengths = torch.randint(1, SOURCE_CAPACITY + 1, (slots, 1), generator=generator)
        memory.mask.copy_(torch.arange(SOURCE_CAPACITY) < lengths)
        state.hidden.copy_(torch.randn(state.hidden.shape, generator=generator))
        tokens = torch.randint(0, 500, (slots, width), generator=generator)
        memory.values[slot], memory.keys[slot], memory.mask[slot] = probe_values, probe_keys, probe_mask
        state.hidden[:, :, slot * width : (slot + 1) * width] = probe_state
        tokens[slot] = probe_tokens
        return memory, state, tokens

    probe_values, probe_keys = torch.randn(2, SOURCE_CAPACITY, hidden, generator=generator)
    probe_mask = torch.arange(SOURCE_CAPACITY) < 9
    probe_state = torch.randn(2, 2, width, hidden, generator=generator)
    probe_tokens = torch.arange(7, 7 + width)
    seen = set()
    with torch.inference_mode():
        for slot in range(slots):
            memory, state, tokens = content(slot)
            (step,) = backend.step([Rows(tokens, memory, state, torch.zeros(slots, dtype=torch.int64))])
            rows = slice(slot * width, (slot + 1) * width)
            assert step.weights is not None
            parts = backend.logits(step.readout)[slot], step.weights[slot], step.state.hidden[:, :, rows]
            seen.add(b"".join(part.numpy().tobytes() for part in parts))
    assert len(seen) == 1


@on_kinds_of_same_bits
def test_encoding_is_invariant_to_neighbours_and_place(kind: Kind) -> None:
    backend = kind.open(kind.network(vocabulary=500, hidden=96, dtype=kind.real, seed=14))
    generator = torch.Generator().manual_seed(15)
    probe, *others = [
        (*torch.randint(4, 500, (length,), generator=generator).tolist(), EOS)
        for length in (7, *torch.randint(1, SOURCE_CAPACITY, (60,), generator=generator).tolist())
    ]
    seen = set()
    with torch.inference_mode():
        for place in range(9):
            beside = others[place * 6 : place * 6 + 11]
            memory, state = result_of(backend.encode([*beside[:place], probe, *beside[place:]], 1000))
            parts = memory.keys[place, : len(probe)], memory.values[place, : len(probe)], state.hidden[:, :, place]
            seen.add(b"".join(part.numpy().tobytes() for part in parts))
    assert len(seen) == 1
