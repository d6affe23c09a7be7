"""A decoder in several processes is, segment by segment and bit by bit, the decoder in one."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_store.decoding.in_flight import decode
from model_store.decoding.processes import group as group_module
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.segment import Hypothesis, Segment, StepDone
from model_store.errors import SegmentError
from tests.unit.model_store.decoding.drawn import segments
from tests.unit.model_store.decoding.kinds import EAGER
from tests.unit.model_store.decoding.networks import EOS, open_tiny, tiny_network
from tests.unit.model_store.decoding.processes.openers import (
    POISON,
    endless_network,
    open_gated,
    open_poisoned,
    open_reporting,
)
from tests.unit.model_store.decoding.processes.rig import open_group, run_out, short
from tests.unit.model_store.decoding.test_beginnings import TYPED, alone, bits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")


@pytest.fixture(scope="module")
def group() -> Iterator[DecoderProcesses]:
    """Three processes of twelve rows, with nothing in them."""
    group = open_group(processes=3)
    yield group
    group.close()


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(segments(), min_size=1, max_size=30))
def test_whatever_the_mix_it_is_what_one_decoder_finds(group: DecoderProcesses, batch: list[Segment]) -> None:
    expected = dict(decode(open_tiny(tiny_network(seed=1), max_rows=12), batch))
    found = dict(decode(group, batch))
    assert {index: bits(each) for index, each in found.items()} == {
        index: bits(each) for index, each in expected.items()
    }
    for index, segment in enumerate(batch[:3]):
        EAGER.expects(tiny_network(seed=1), segment).check(found[index])


def test_attention_the_search_and_prefixes_come_over(group: DecoderProcesses) -> None:
    segment = Segment(
        (4, 5, 6, EOS), max_length=14, beam_size=3, n_best=3, prefix=TYPED[:7], want_attention=True, want_search=True
    )
    found = alone(group, segment)
    assert found[0].attention is not None
    assert found[0].search
    assert bits(found) == bits(alone(open_tiny(tiny_network(seed=1), max_rows=12), segment))


def test_segments_are_spread_over_the_processes(group: DecoderProcesses) -> None:
    tickets = group.admit([short(*range(4, 14), number) for number in range(4, 10)])  # which nobody lately had
    assert [len(member.widths) for member in group._by_place] == [2, 2, 2]
    assert sorted(run_out(group)) == sorted(tickets)


@pytest.mark.parametrize("beam_size", [1, 3, 4])
def test_as_many_are_admitted_as_there_is_room_for(group: DecoderProcesses, beam_size: int) -> None:
    wide = group.admit([Segment((4, 5, 6, EOS), max_length=2, beam_size=5)])
    room = group.room(beam_size)
    width = {1: 1, 3: 4, 4: 4}[beam_size]
    assert room == (4 + 12 + 12) // width + 9
    with pytest.raises(SegmentError, match="no room for"):
        group.admit([short(5, 6, beam_size=beam_size)] * (room + 1))
    tickets = group.admit([short(5, number % 15 + 4, beam_size=beam_size) for number in range(room)])
    assert group.room(beam_size) == 0
    assert group.live == room + 1
    found = run_out(group)
    assert sorted(found) == sorted([*wide, *tickets])
    assert all(found.values())


def test_a_segment_that_no_process_can_take_is_refused(group: DecoderProcesses) -> None:
    with pytest.raises(SegmentError, match=r"beam_size: 9 is too large; allowed: 1\.\.8"):
        group.admit([short(4, 5), short(4, 5, beam_size=9)])
    with pytest.raises(SegmentError, match="ids must lie in"):
        group.check(short(4, 24))
    assert group.live == 0


def test_what_was_cancelled_leaves_its_room_and_no_result(group: DecoderProcesses) -> None:
    first, second, third = group.admit([replace(short(number, 9), max_length=15) for number in (4, 5, 6)])
    group.cancel(second)
    group.cancel(second)
    assert group.live == 2
    assert group.settled(second) == ()
    assert sorted(run_out(group)) == [first, third]
    assert group.room(4) == 9 + 9


def test_what_is_settled_is_told_of_once_it_was_asked_for(group: DecoderProcesses) -> None:
    segment = Segment((4, 8, 4, EOS), max_length=14, beam_size=1)
    (ticket,) = group.admit([segment])
    told = [group.settled(ticket)]
    found: dict[int, tuple[Hypothesis, ...]] = {}
    while group.live:
        group.step()
        told.append(group.settled(ticket))
        found |= dict(group.collect())
    best = found[ticket][0].tokens
    assert told[0] == ()
    assert any(told)
    assert all(best[: len(tokens)] == tokens for tokens in told)


def test_a_source_goes_where_it_was_and_a_prefix_on_from_its_beginning(group: DecoderProcesses) -> None:
    before = group.continued
    for end in (7, 12, 17):
        typed = Segment((9, 8, 7, EOS), max_length=14, beam_size=3, prefix=TYPED[:end])
        # Others keep the process busy that would be taken otherwise.
        group.admit([short(4, number) for number in range(4, 5 + end % 3)])
        group.admit([typed])
        run_out(group)
    assert group.continued == before + 2


def test_many_segments_of_one_source_are_spread_all_the_same(group: DecoderProcesses) -> None:
    group.admit([Segment((9, 9, 7, EOS), max_length=14, beam_size=4, prefix=TYPED[:end]) for end in range(3, 9)])
    assert sorted(len(member.widths) for member in group._by_place) == [2, 2, 2]
    run_out(group)


def test_it_says_which_are_being_encoded_and_how_many_steps_were_done(group: DecoderProcesses) -> None:
    first, second = group.admit([Segment((4, 5, EOS), max_length=length, beam_size=1) for length in (3, 1)])
    assert group.encoding == {first, second}
    before = group.steps(first), group.steps(second)
    done: list[StepDone] = []
    while group.live:
        done += group.step()
        group.collect()
    assert group.encoding == frozenset()
    steps = group.steps(first) - before[0], group.steps(second) - before[1]
    assert steps[0] >= steps[1] >= 1
    assert len(done) >= sum(set(steps)) - 1
    assert all(each.segments == 1 or first % 3 == second % 3 for each in done)
    assert all(each.duration_s > 0 for each in done)


def test_a_result_comes_with_its_own_steps_however_late_it_was_told_of_those_before(tmp_path: Path) -> None:
    long, brief = replace(short(4, 9), max_length=15), replace(short(5, 6), max_length=2)
    alone = open_tiny(endless_network(), max_rows=12)
    steps = {}
    for segment in (long, brief):  # the second beside the first
        (ticket,) = alone.admit([segment])
        steps[ticket] = -alone.steps(ticket)
        alone.step()
    while alone.live:
        for ticket, _hypotheses in alone.collect():
            steps[ticket] += alone.steps(ticket)
        alone.step()
    steps |= {ticket: steps[ticket] + alone.steps(ticket) for ticket, _hypotheses in alone.collect()}
    for name in ("gate", "done"):
        os.mkfifo(tmp_path / name)
    gate, done = (os.open(tmp_path / name, os.O_RDWR) for name in ("gate", "done"))
    group = open_group(partial(open_gated, tmp_path), processes=1)
    found = []
    for segment in (long, brief):
        (ticket,) = group.admit([segment])
        found.append(-group.steps(ticket))
        for _step in range(5 if segment is long else 0):
            os.write(gate, b".")
            os.read(done, 1)
    os.write(gate, b"." * 30)
    while group.live:
        group.step()
        for ticket, _hypotheses in group.collect():
            found[ticket] += group.steps(ticket)
    group.close()
    os.close(gate)
    os.close(done)
    assert found == list(steps.values())


def test_what_cannot_be_admitted_takes_nobody_along(caplog: pytest.LogCaptureFixture) -> None:
    group = open_group(open_poisoned, processes=1)
    with caplog.at_level(logging.WARNING):
        tickets = group.admit([short(4, 5), short(4, POISON), short(4, 6)])
        found = run_out(group)
    assert [bool(found[ticket]) for ticket in tickets] == [True, False, True]
    assert "poisonous" in caplog.text
    group.close()


def test_log_lines_come_over(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        open_group(open_poisoned).close()
    (record,) = [record for record in caplog.records if record.name == "verso.decoding"]
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "opened with poison")


def test_a_step_that_waits_returns_when_there_is_news(group: DecoderProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "_LOOKS_EVERY_S", 600.0)
    for _turn in range(3):
        waking = threading.Timer(0.05, group.wake)
        waking.start()
        assert group.step() == ()
        waking.join()
    for _time in range(100_000):  # nobody reads, and it must not wait for that
        group.wake()
    assert group.step() == ()


def test_one_thread_is_allowed_before_they_divide(tmp_path: Path) -> None:
    DecoderProcesses(partial(open_reporting, tmp_path), processes=2, cores=6).close()
    assert (tmp_path / "threads").read_text() == "6 1"
