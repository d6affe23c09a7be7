"""Order, bounds, deadlines and drops, on a clock set by hand."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.rate import PRIOR_TOKENS_PER_S
from service.engine.scheduler import MAX_RETRY_AFTER_S, MIN_RETRY_AFTER_S, PAST_EXPIRIES, SURE_SHARE
from service.engine.segment import Client, Priority, SegmentTimings
from service.engine.waiting import GroupSize
from service.errors import EngineOverloadedError
from tests.unit.service.engine.fakes import make_segment
from tests.unit.service.engine.scheduling import make_scheduler, room_for, taken, waiting_tokens

INTERACTIVE, BULK = Priority.INTERACTIVE, Priority.BULK


def test_entries_are_taken_in_arrival_order_as_far_as_there_is_room() -> None:
    scheduler, _ = make_scheduler()
    first = scheduler.submit([make_segment(1), make_segment(2)], INTERACTIVE)
    second = scheduler.submit([make_segment(3)], INTERACTIVE)
    assert taken(scheduler, room=0) == []
    assert taken(scheduler, room=1) == first[:1]
    assert taken(scheduler) == [first[1], *second]
    assert taken(scheduler) == []
    assert (scheduler.queued, waiting_tokens(scheduler), scheduler.running) == (0, 0, 3)


def test_interactive_goes_before_bulk() -> None:
    scheduler, _ = make_scheduler()
    bulk = scheduler.submit([make_segment(1)], BULK)
    interactive = scheduler.submit([make_segment(2)], INTERACTIVE)
    assert taken(scheduler) == interactive + bulk


def test_one_take_holds_one_beam_size_and_the_first_in_line_is_not_overtaken() -> None:
    scheduler, _ = make_scheduler()
    wide, *rest = scheduler.submit([make_segment(1, beam_size=4), make_segment(2), make_segment(3)], INTERACTIVE)
    assert taken(scheduler, room=3) == []
    assert taken(scheduler, room=4) == [wide]
    assert taken(scheduler, room=4) == rest


@pytest.mark.parametrize(("segments", "tokens"), [(3, 1000), (1000, 6)])
def test_a_group_is_queued_whole_or_refused_whole(segments: int, tokens: int) -> None:
    scheduler, _ = make_scheduler(segments, tokens)
    scheduler.submit([make_segment(1, 1), make_segment(2, 2)], INTERACTIVE)
    with pytest.raises(EngineOverloadedError, match="no room for 2 with 4"):
        scheduler.submit([make_segment(3, 3), make_segment(4, 4)], INTERACTIVE)
    assert (scheduler.queued, waiting_tokens(scheduler)) == (2, 4)
    scheduler.submit([make_segment(3, 3)], INTERACTIVE)
    assert (scheduler.queued, waiting_tokens(scheduler)) == (3, 6)


def test_a_group_larger_than_the_queue_gets_in_once_the_queue_is_half_empty() -> None:
    scheduler, _ = make_scheduler(segments=4)
    large = [make_segment(token) for token in range(10)]
    scheduler.submit(large[:3], INTERACTIVE)
    with pytest.raises(EngineOverloadedError):
        scheduler.submit(large, INTERACTIVE)
    taken(scheduler, room=1)
    assert len(scheduler.submit(large, INTERACTIVE)) == 10
    for group in ([make_segment(1)], large):
        with pytest.raises(EngineOverloadedError):
            scheduler.submit(group, INTERACTIVE)


def test_the_smallest_queue_is_bounded_too() -> None:
    scheduler, _ = make_scheduler(segments=1, tokens=1)
    scheduler.submit([make_segment(1)], INTERACTIVE)
    with pytest.raises(EngineOverloadedError):
        scheduler.submit([make_segment(1)], INTERACTIVE)


def test_bulk_work_does_not_shut_interactive_work_out() -> None:
    scheduler, _ = make_scheduler(segments=1)
    scheduler.submit([make_segment(1)], BULK)
    scheduler.submit([make_segment(2)], INTERACTIVE)
    for priority in Priority:
        with pytest.raises(EngineOverloadedError):
            scheduler.submit([make_segment(3)], priority)


def test_what_has_expired_is_dropped_and_reported_once_waiting_or_running() -> None:
    scheduler, clock = make_scheduler()
    running, waiting, patient = (
        scheduler.submit([make_segment(1)], INTERACTIVE, 5.0)[0],
        scheduler.submit([make_segment(2)], INTERACTIVE, 6.0)[0],
        scheduler.submit([make_segment(3)], INTERACTIVE)[0],
    )
    assert taken(scheduler, room=1) == [running]
    clock.now_s += 4.9
    assert scheduler.expire() == []
    clock.now_s += 1.1
    assert [entry.entry_id for entry in scheduler.expire()] == [running, waiting]
    assert scheduler.expire() == []
    assert scheduler.finish(running) is None
    assert taken(scheduler) == [patient]


def test_deadlines_far_away_are_not_kept_for_what_has_ended() -> None:
    scheduler, clock = make_scheduler()
    for _again in range(4 * PAST_EXPIRIES):
        for entry_id in scheduler.submit([make_segment(1)], INTERACTIVE, 1e6):
            assert taken(scheduler) == [entry_id]
            scheduler.finish(entry_id)
        assert scheduler.expire() == []
        assert len(scheduler._expiries) <= PAST_EXPIRIES + 2
    running, waiting = scheduler.submit([make_segment(1), make_segment(2)], INTERACTIVE, 1e6)
    assert taken(scheduler, room=1) == [running]
    scheduler._forget_past_expiries()
    clock.now_s += 1e6
    assert [entry.entry_id for entry in scheduler.expire()] == [running, waiting]


def test_another_caller_moves_the_deadline_back_but_never_forward() -> None:
    scheduler, clock = make_scheduler()
    later, never, kept = scheduler.submit([make_segment(token) for token in (1, 2, 3)], INTERACTIVE, 5.0)
    assert scheduler.widen(later, INTERACTIVE, 8.0)
    assert scheduler.widen(never, INTERACTIVE)
    assert scheduler.widen(kept, INTERACTIVE, 1.0)
    clock.now_s += 5
    assert [entry.entry_id for entry in scheduler.expire()] == [kept]
    clock.now_s += 3
    assert [entry.entry_id for entry in scheduler.expire()] == [later]
    assert taken(scheduler) == [never]
    assert not scheduler.widen(kept, INTERACTIVE)


def test_an_interactive_caller_promotes_a_bulk_entry() -> None:
    scheduler, _ = make_scheduler()
    first, second = scheduler.submit([make_segment(1), make_segment(2)], BULK)
    interactive = scheduler.submit([make_segment(3)], INTERACTIVE)
    assert scheduler.widen(second, INTERACTIVE)
    assert scheduler.widen(interactive[0], BULK)
    assert taken(scheduler) == [*interactive, second, first]


def test_dropped_entries_leave_from_anywhere() -> None:
    scheduler, _ = make_scheduler()
    running, waiting, other = scheduler.submit([make_segment(token) for token in (1, 2, 3)], INTERACTIVE)
    assert taken(scheduler, room=1) == [running]
    assert [entry.entry_id for entry in scheduler.remove([waiting, running, waiting, 99])] == [waiting, running]
    assert scheduler.finish(running) is None
    assert (scheduler.queued, waiting_tokens(scheduler), scheduler.running) == (1, 1, 0)
    assert taken(scheduler) == [other]


def test_times_are_measured_on_the_given_clock() -> None:
    scheduler, clock = make_scheduler()
    [entry] = scheduler.submit([make_segment(1)], INTERACTIVE)
    clock.now_s += 2
    [running] = scheduler.take(room_for(1))
    clock.now_s += 3
    running.first_step_s = clock()
    running.encode_s = 1.0
    clock.now_s += 4
    assert scheduler.finish(entry) == SegmentTimings(queue_s=2.0, decode_s=7.0, encode_s=1.0, first_step_s=5.0)
    assert scheduler.finish(entry) is None


def test_retry_after_follows_the_backlog_before_anything_was_measured() -> None:
    scheduler, _ = make_scheduler(segments=1000, tokens=100_000)
    assert scheduler.retry_after_s(INTERACTIVE) == MIN_RETRY_AFTER_S
    scheduler.submit([make_segment(*[1] * 40)] * 50, INTERACTIVE)
    taken(scheduler, room=10)
    assert scheduler.retry_after_s(INTERACTIVE) == pytest.approx(2000 / PRIOR_TOKENS_PER_S)
    scheduler.submit([make_segment(*[1] * 40)] * 50, BULK)
    assert scheduler.retry_after_s(INTERACTIVE) == pytest.approx(2000 / PRIOR_TOKENS_PER_S)
    assert scheduler.retry_after_s(BULK) == pytest.approx(4000 / PRIOR_TOKENS_PER_S)
    scheduler.submit([make_segment(*[1] * 40)] * 900, BULK)
    assert scheduler.retry_after_s(BULK) == MAX_RETRY_AFTER_S


def test_retry_after_learns_the_rate_and_idle_time_does_not_count() -> None:
    scheduler, clock = make_scheduler(segments=1000, tokens=100_000)
    for _ in range(200):  # 1000 tokens in a second of work, then a minute of nothing
        entries = scheduler.submit([make_segment(*[1] * 10)] * 100, INTERACTIVE)
        taken(scheduler)
        clock.now_s += 1
        for entry in entries:
            scheduler.finish(entry)
        scheduler.note_progress()
        clock.now_s += 60
    scheduler.submit([make_segment(*[1] * 10)] * 500, INTERACTIVE)
    assert scheduler.retry_after_s(INTERACTIVE) == pytest.approx(5.0, rel=0.05)


def test_what_could_not_be_done_in_time_is_refused_at_once() -> None:
    scheduler, clock = make_scheduler(segments=1000, tokens=100_000)
    [first] = scheduler.submit([make_segment(*[1] * 40)], INTERACTIVE, deadline_s=0.001)  # nobody is ahead
    taken(scheduler)
    clock.now_s += 3
    scheduler.finish(first)  # it held its slot for three seconds
    scheduler.submit([make_segment(*[1] * 40)] * 10, INTERACTIVE, deadline_s=0.001)
    enough_s = ((400 + 40) / PRIOR_TOKENS_PER_S + 3) / SURE_SHARE
    for priority in (INTERACTIVE, BULK):
        with pytest.raises(EngineOverloadedError, match=r"400 source tokens go first, .* after about 5\.2 s; it may"):
            scheduler.submit([make_segment(*[1] * 40)], priority, deadline_s=enough_s - 0.01)
    scheduler.submit([make_segment(*[1] * 40)], INTERACTIVE, deadline_s=enough_s + 0.01)
    scheduler.submit([make_segment(1)], INTERACTIVE)
    assert scheduler.queued == 12
    with pytest.raises(EngineOverloadedError) as refused:  # one of twice the length holds its slot for twice as long
        scheduler.submit([make_segment(1), make_segment(*[1] * 80)], INTERACTIVE, deadline_s=4)
    assert refused.value.retry_after_s == pytest.approx((441 + 81) / PRIOR_TOKENS_PER_S + 6 - 4 * SURE_SHARE)


@given(
    waiting=st.lists(st.integers(1, 60), max_size=30),
    group=st.lists(st.integers(1, 80), min_size=1, max_size=10),
    known=st.floats(0, 1),
    deadline_s=st.none() | st.floats(0.01, 20),
)
def test_what_refuses_a_group_refuses_every_larger_one(
    waiting: list[int], group: list[int], known: float, deadline_s: float | None
) -> None:
    least = GroupSize(1, max(int(known * sum(group)), 1), max(int(known * max(group)), 1))
    scheduler, clock = make_scheduler(segments=30, tokens=900)
    [first] = scheduler.submit([make_segment(1, 1)], INTERACTIVE)
    taken(scheduler)
    clock.now_s += 0.5
    scheduler.finish(first)
    for length in waiting:
        with suppress(EngineOverloadedError):
            scheduler.submit([make_segment(*[1] * length)], INTERACTIVE, client=Client("a"))
    for client in (Client("a"), Client("b"), Client("")):
        try:
            scheduler.refuse(least, INTERACTIVE, deadline_s, client)
        except EngineOverloadedError:
            with pytest.raises(EngineOverloadedError):
                scheduler.submit([make_segment(*[1] * length) for length in group], INTERACTIVE, deadline_s, client)


def test_the_scheduler_needs_no_torch_no_event_loop_and_no_threads() -> None:
    names = "{'torch', 'asyncio', '_thread'} & vars(scheduler).keys(), 'torch' in sys.modules, 'asyncio' in sys.modules"
    script = f"import sys; from service.engine import scheduler; print({names})"
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set() False False"
