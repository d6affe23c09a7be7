"""A process that hangs is told from one that has nothing to do, however long that is."""

from __future__ import annotations

import os
import selectors
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from model_store.decoding.processes import counterpart
from model_store.decoding.processes import group as group_module
from model_store.decoding.processes.group import DecoderProcesses
from model_store.errors import DecoderProcessError
from tests.unit.model_store.decoding.processes.openers import open_hanging
from tests.unit.model_store.decoding.processes.rig import (
    open_group,
    processes_of,
    run_out,
    short,
    wait_for_the_end,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")


@pytest.fixture(scope="module")
def group() -> Iterator[DecoderProcesses]:
    """Two processes with nothing in them."""
    group = open_group()
    yield group
    group.close()


def test_a_process_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    group = open_group(open_hanging)
    processes = processes_of(group)
    monkeypatch.setattr(counterpart, "LOST_AFTER_S", 0.2)
    monkeypatch.setattr(group_module, "_LOOKS_EVERY_S", 0.05)
    for _look in range(10):
        group.step()  # nobody is late who has nothing to do
    group.admit([short(4, 5)])
    with pytest.raises(DecoderProcessError, match="does not come back from a step"):
        run_out(group)
    group.close()
    wait_for_the_end(processes)


def test_nobody_is_late_who_had_nothing_to_do(group: DecoderProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterpart, "LOST_AFTER_S", 0.2)
    run_out(group)
    time.sleep(0.5)  # nobody steps meanwhile
    group.admit([short(4, 5)])
    group.wake()
    assert len(run_out(group)) == 1


def test_time_in_which_this_process_stood_still_is_not_counted(
    group: DecoderProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ticket,) = group.admit([short(4, 5)])
    group.wake()
    wait = selectors.PollSelector.select

    def wait_long(*arguments: Any, **named: Any) -> Any:
        ready = wait(*arguments, **named)
        monkeypatch.setattr(time, "monotonic", lambda stopped=time.monotonic: stopped() + 3600)
        return ready

    with monkeypatch.context() as stopped:
        stopped.setattr(selectors.PollSelector, "select", wait_long)
        group.step()
    assert ticket in run_out(group) | dict(group.collect())


def test_a_process_that_hangs_is_noticed_though_nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    group = open_group(open_hanging)
    processes = processes_of(group)
    monkeypatch.setattr(counterpart, "LOST_AFTER_S", 0.5)
    monkeypatch.setattr(group_module, "_LOOKS_EVERY_S", 0.05)

    def ask_and_leave() -> int:
        tickets = group.admit([short(4, 5), short(4, 6)])
        for _look in range(3):
            group.step()
        for ticket in tickets:
            group.cancel(ticket)
        group.step()  # as if there were other segments
        return len(tickets)

    with pytest.raises(DecoderProcessError, match="does not come back from a step"):
        deque((ask_and_leave() for _time in range(10)), maxlen=0)
    group.close()
    wait_for_the_end(processes)


def test_processes_whose_segments_are_cancelled_are_not_late(group: DecoderProcesses) -> None:
    for _time in range(3):
        for ticket in group.admit([replace(short(4, 5), max_length=15)] * 3):
            group.cancel(ticket)
    give_up_s = time.monotonic() + 30
    while any(member.owed for member in group._by_place):
        assert time.monotonic() < give_up_s, "a process does not say that it has forgotten what was cancelled"
        group.step()
    assert group.collect() == []
