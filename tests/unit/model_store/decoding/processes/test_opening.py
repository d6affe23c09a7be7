"""Processes that hang while they open are not waited for for ever, and are ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from model_store.decoding.in_flight import decode
from model_store.decoding.processes.group import OPENED_WITHIN_S, DecoderProcesses
from model_store.decoding.processes.messages import Opener
from model_store.decoding.processes.origin import origin
from model_store.errors import DecoderProcessError
from tests.unit.model_store.decoding.processes.openers import open_one, open_stopped, open_that_hangs_when_divided
from tests.unit.model_store.decoding.processes.rig import open_group, processes_of, short, wait_for_the_end

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")


def stands_still(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def opening_fails(
    monkeypatch: pytest.MonkeyPatch, opener: Opener, hangs: Callable[[DecoderProcesses], bool]
) -> tuple[str, DecoderProcesses]:
    """With time that passes only once it hangs: what is raised, and by whom."""
    groups: list[DecoderProcesses] = []
    wait = DecoderProcesses._wait

    def wait_long(group: DecoderProcesses) -> float:
        groups[:] = [group]
        wait(group)
        return OPENED_WITHIN_S / 2 + 1 if hangs(group) else 0.0

    with monkeypatch.context() as waiting:
        waiting.setattr(DecoderProcesses, "_wait", wait_long)
        with pytest.raises(DecoderProcessError) as raised:
            open_group(opener)
    return str(raised.value), groups[0]


def test_a_process_that_hangs_while_it_opens_is_given_up_and_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(group: DecoderProcesses) -> bool:
        first = group._by_place[0].process
        return first is not None and stands_still(first)

    said, group = opening_fails(monkeypatch, open_stopped, hangs)
    process = group._by_place[0].process
    assert said == f"a process that decodes, {process}, has not opened its model, in 600 s"
    assert process is not None
    wait_for_the_end([process])


def test_what_hangs_when_they_divide_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    others: list[int] = []

    def hangs(group: DecoderProcesses) -> bool:
        first = group._by_place[0]
        if first.open and first.process is not None:
            others[:] = children(first.process)
        return bool(others) and all(map(stands_still, others))

    said, group = opening_fails(monkeypatch, open_that_hangs_when_divided, hangs)
    assert said == "1 of 2 processes that decode do not begin, in 600 s"
    for each in others:
        os.kill(each, signal.SIGKILL)
    assert group._by_place[0].process is not None
    wait_for_the_end([group._by_place[0].process, *others])


def test_where_they_come_from_is_replaced_if_it_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    origin().start()
    before = origin()._process
    assert before is not None
    before.send_signal(signal.SIGSTOP)
    said, _group = opening_fails(monkeypatch, open_one, lambda _group: True)
    assert said == "the process that those that decode come from has made none, in 600 s"
    assert before.wait() == -signal.SIGKILL
    group = open_group()
    assert len(dict(decode(group, [short(4, 5)]))) == 1
    group.close()


def test_one_that_hangs_in_a_step_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    group = open_group()
    processes = processes_of(group)
    os.kill(processes[0], signal.SIGSTOP)
    group.admit([short(4, 5)])
    monkeypatch.setattr(DecoderProcesses, "_wait", lambda _group: 61.0)
    with pytest.raises(DecoderProcessError, match="does not come back from a step"):
        group.step()
    wait_for_the_end(processes)
