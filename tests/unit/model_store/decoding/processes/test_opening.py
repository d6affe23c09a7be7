"""Processes that hang while they open are not waited for for ever, and are ended."""

from __future__ import annotations

import os
import signal

import pytest

from model_store.decoding.in_flight import decode
from model_store.decoding.processes.group import OPENED_WITHIN_S, DecoderProcesses
from model_store.decoding.processes.messages import Opener
from model_store.decoding.processes.origin import origin
from model_store.errors import DecoderProcessError
from tests.unit.model_store.decoding.processes.openers import (
    StopsWhoReadsIt,
    open_one,
    open_stopped,
    open_that_hangs_when_divided,
)
from tests.unit.model_store.decoding.processes.rig import (
    children,
    hanging,
    open_group,
    process_of,
    processes_of,
    short,
    wait_for_the_end,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")


def opening_fails(monkeypatch: pytest.MonkeyPatch, opener: Opener) -> tuple[str, list[int]]:
    """With time that passes only once something hangs: what is raised, and what hangs."""
    processes: list[int] = []
    wait = DecoderProcesses._wait

    def wait_long(group: DecoderProcesses) -> float:
        wait(group)
        processes[:] = hanging(process_of(origin()))
        return OPENED_WITHIN_S / 2 + 1 if processes else 0.0

    with monkeypatch.context() as waiting:
        waiting.setattr(DecoderProcesses, "_wait", wait_long)
        with pytest.raises(DecoderProcessError) as raised:
            open_group(opener)
    return str(raised.value), processes


@pytest.mark.parametrize("opener", [open_stopped, StopsWhoReadsIt()], ids=["opening", "before"])
def test_a_process_that_hangs_while_it_opens_is_given_up_and_ended(
    monkeypatch: pytest.MonkeyPatch, opener: Opener
) -> None:
    said, processes = opening_fails(monkeypatch, opener)
    assert [said] == [f"a process that decodes, {each}, has not opened its model, in 600 s" for each in processes]
    wait_for_the_end(processes)


def test_what_hangs_when_they_divide_is_said_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    said, processes = opening_fails(monkeypatch, open_that_hangs_when_divided)
    assert said == "1 of 2 processes that decode do not begin, in 600 s"
    assert len(processes) == 1
    wait_for_the_end(processes)


def test_where_they_come_from_is_replaced_if_it_makes_none_and_what_it_has_made_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = open_group()
    before = process_of(origin())
    os.kill(before, signal.SIGSTOP)
    said, processes = opening_fails(monkeypatch, open_one)
    assert said == "the process that those that decode come from has made none, in 600 s"
    another = open_group()
    assert processes == [before] != [process_of(origin())]
    assert processes_of(group)[0] in children(before), "nobody asks for its end, and its memory is nobody's"
    for each in (group, another):
        assert len(dict(decode(each, [short(4, 5)]))) == 1
    os.kill(before, signal.SIGCONT)
    group.close()
    wait_for_the_end([before])
    another.close()


def test_one_that_hangs_in_a_step_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    group = open_group()
    processes = processes_of(group)
    os.kill(processes[0], signal.SIGSTOP)
    group.admit([short(4, 5)])
    monkeypatch.setattr(DecoderProcesses, "_wait", lambda _group: 61.0)
    with pytest.raises(DecoderProcessError, match="does not come back from a step"):
        group.step()
    wait_for_the_end(processes)
