"""Whom an exception of the decoder concerns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from model_store.decoding.segment import Segment
from model_store.errors import SegmentError
from service.engine.segment import Priority
from service.engine.slots import Ended, Slots
from service.engine.waiting import Entry
from service.errors import EngineFailedError
from tests.unit.service.engine.fakes import (
    BOMB,
    LEAK,
    MAX_SOURCE_LENGTH,
    POISON,
    FakeClock,
    FakeFactory,
    RecordingObserver,
    answer,
    make_segment,
)


def make_slots(rows: int = 8) -> tuple[Slots, FakeFactory, RecordingObserver]:
    factory, observer = FakeFactory(rows), RecordingObserver()
    slots = Slots(factory, observer, FakeClock())
    assert slots.build() is None
    return slots, factory, observer


def entries_of(*segments: Segment, first_id: int = 0) -> list[Entry]:
    return [Entry(first_id + i, segment, Priority.INTERACTIVE, 0.0, None) for i, segment in enumerate(segments)]


def failed(ended: Sequence[Ended], error: type[Exception]) -> list[int]:
    assert all(type(end.error) is error for end in ended)
    return [end.entry.entry_id for end in ended]


def answered(ended: Sequence[Ended]) -> list[int]:
    assert all(end.hypotheses[0].tokens == answer(end.entry.segment) for end in ended)
    return [end.entry.entry_id for end in ended]


def test_entries_end_with_their_own_hypotheses_and_their_own_steps() -> None:
    slots, _, _ = make_slots()
    slots.admit(entries_of(make_segment(1, 2, steps=2), make_segment(3, 4, steps=3)))
    assert slots.advance() == []
    slots.admit(entries_of(make_segment(5, 6, steps=1), first_id=2))
    second, third = slots.advance(), slots.advance()
    assert (answered(second), answered(third)) == ([0, 2], [1])
    assert [end.steps for end in [*second, *third]] == [2, 1, 3]
    assert slots.live == 0


def test_the_encoding_is_told_of_once_it_is_over_with_the_steps_between() -> None:
    slots, factory, observer = make_slots()
    first, second = entries_of(make_segment(1, steps=9), make_segment(2, steps=1))
    slots.admit([first])
    assert observer.admissions == [1]
    factory.decoders[0].encode_steps = 2
    slots.admit([second])
    slots.advance()
    assert observer.admissions == [1]
    slots.advance()
    assert observer.admissions == [1, 1]
    assert second.first_step_s is not None


@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("poison", [POISON, LEAK])
def test_a_poisonous_segment_fails_alone_among_those_admitted_with_it(poison: int, position: int) -> None:
    slots, factory, _ = make_slots()
    segments = [make_segment(1), make_segment(2)]
    segments.insert(position, make_segment(poison))
    ended = slots.admit(entries_of(*segments))
    if poison == POISON:
        assert failed(ended, EngineFailedError) == [position]
        slots.advance()
        assert len(answered(slots.advance())) == 2
    else:  # the slots it leaked are lost, and with them whoever was admitted before it
        assert position in failed(ended, EngineFailedError)
        assert failed(ended, EngineFailedError) == sorted(range(position + 1), key=lambda index: index != position)
    assert slots.live == 0 or factory.decoder.live == slots.live


def test_a_poisonous_segment_leaves_what_is_live_alone() -> None:
    slots, factory, observer = make_slots()
    slots.admit(entries_of(make_segment(1)))
    assert failed(slots.admit(entries_of(make_segment(POISON), first_id=1)), EngineFailedError) == [1]
    assert slots.failures_in_a_row == 1
    slots.advance()
    assert answered(slots.advance()) == [0]
    assert (len(factory.decoders), observer.restarts, slots.failures_in_a_row) == (1, 0, 0)


def test_a_segment_that_the_decoder_cannot_take_is_no_failure_of_the_decoder() -> None:
    slots, factory, _ = make_slots()
    too_long = make_segment(*[1] * (MAX_SOURCE_LENGTH + 1))
    with pytest.raises(SegmentError, match="source: 51"):
        slots.check(too_long)
    assert failed(slots.admit(entries_of(make_segment(1), too_long)), SegmentError) == [1]
    assert (slots.live, len(factory.decoders), slots.failures_in_a_row, slots.last_error) == (1, 1, 0, None)


def test_a_failing_step_fails_everything_live_and_the_decoder_is_rebuilt() -> None:
    slots, factory, observer = make_slots()
    slots.admit(entries_of(make_segment(1), make_segment(BOMB)))
    assert failed(slots.advance(), EngineFailedError) == [0, 1]
    assert not slots.built
    assert slots.last_error == "a decoding step: RuntimeError: bang"
    factory.failures = 1
    assert isinstance(slots.build(), RuntimeError)
    assert slots.build() is None
    assert (slots.restarts, observer.restarts, slots.failures_in_a_row, slots.live) == (1, 1, 2, 0)
    slots.admit(entries_of(make_segment(2, steps=1)))
    assert answered(slots.advance()) == [0]
    assert slots.failures_in_a_row == 0


def test_who_comes_when_a_decoder_is_gone_is_decoded_by_the_next() -> None:
    slots, factory, observer = make_slots()
    slots.admit(entries_of(make_segment(1)))
    factory.decoders[0].gone = True
    ended = slots.admit(entries_of(make_segment(2, steps=1), make_segment(3, steps=1), first_id=1))
    assert failed(ended, EngineFailedError) == [0]
    assert answered(slots.advance()) == [1, 2]
    assert observer.restarts == 1


def test_a_decoder_that_was_only_woken_has_not_shown_that_it_works() -> None:
    slots, factory, _ = make_slots()
    for failures in (1, 2, 3):
        slots.admit(entries_of(make_segment(BOMB)))
        factory.decoders[-1].woken = 1
        assert slots.advance() == []
        assert failed(slots.advance(), EngineFailedError) == [0]
        assert slots.failures_in_a_row == failures
        assert slots.build() is None


def test_neighbours_fail_only_if_the_decoder_cannot_be_replaced() -> None:
    slots, factory, _ = make_slots()
    factory.failures = 1
    assert failed(
        slots.admit(entries_of(make_segment(POISON), make_segment(1), make_segment(2))), EngineFailedError
    ) == [
        0,
        1,
    ]
    assert slots.live == 1


def test_freed_entries_give_their_slots_back_and_never_end() -> None:
    slots, factory, _ = make_slots(rows=2)
    slots.admit(entries_of(make_segment(1), make_segment(2)))
    assert slots.room(1) == 0
    assert slots.free([0, 0, 77]) == []
    assert (slots.live, factory.decoder.live, slots.room(1)) == (1, 1, 1)
    slots.advance()
    assert answered(slots.advance()) == [1]


def test_an_empty_decoder_is_offered_what_it_has_no_room_for_so_that_it_ends() -> None:
    slots, _, _ = make_slots(rows=2)
    assert slots.room(3) == 1
    assert failed(slots.admit(entries_of(make_segment(1, beam_size=3))), SegmentError) == [0]
    slots.admit(entries_of(make_segment(1)))
    assert slots.room(3) == 0
