"""Nothing waits for a process that is stopped: not the segments of others, no cancellation, and not the end."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from model_store.decoding.in_flight import decode
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.segment import Hypothesis, Segment
from tests.unit.model_store.decoding.networks import open_tiny, tiny_network
from tests.unit.model_store.decoding.processes.rig import open_group, processes_of, short, wait_for_the_end

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes divide by fork")

_NEVER_S = 60.0


@pytest.fixture
def stopped() -> Iterator[DecoderProcesses]:
    """Two processes, of which the first stands still."""
    group = open_group()
    first, *_others = processes = processes_of(group)
    os.kill(first, signal.SIGSTOP)
    yield group
    with contextlib.suppress(ProcessLookupError):
        os.kill(first, signal.SIGCONT)
    group.close()
    wait_for_the_end(processes)


def comes_back(work: Callable[[], None]) -> None:
    """Runs it beside the test, which goes on if it does not come back."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_NEVER_S)
    assert not thread.is_alive(), "it waits for a process that is stopped"
    if raised:
        raise raised[0]


def fill(group: DecoderProcesses) -> None:
    """Have more asked of the first than its connection takes: by who asks and leaves."""
    long = [replace(short(*range(4, 15), beam_size=3), max_length=15)] * 2
    while not group._by_place[0].channel.events & selectors.EVENT_WRITE:
        for ticket in group.admit(long):
            group.cancel(ticket)
    for _time in range(100):
        for ticket in group.admit(long):
            group.cancel(ticket)


def test_others_are_decoded_beside_a_process_that_is_stopped_and_then_its_own(stopped: DecoderProcesses) -> None:
    segments = [Segment((number, 9, 3), max_length=6, beam_size=4) for number in range(4, 10)]
    expected = list(dict(sorted(decode(open_tiny(tiny_network(seed=1), max_rows=12), segments))).values())

    def work() -> None:
        fill(stopped)
        tickets = stopped.admit(segments)
        found: dict[int, tuple[Hypothesis, ...]] = {}
        others = {ticket for ticket in tickets if ticket in stopped._by_place[1].widths}
        assert len(others) == 3
        while found.keys() < others:
            stopped.step()
            found |= dict(stopped.collect())
        assert found.keys() == others
        os.kill(processes_of(stopped)[0], signal.SIGCONT)
        while stopped.live:
            stopped.step()
            found |= dict(stopped.collect())
        hypotheses = [tuple(each.tokens for each in found[ticket]) for ticket in tickets]
        assert hypotheses == [tuple(each.tokens for each in one) for one in expected]

    comes_back(work)


def test_what_is_settled_can_be_asked_for(stopped: DecoderProcesses) -> None:
    def work() -> None:
        fill(stopped)
        assert {stopped.settled(ticket) for ticket in stopped.admit([short(4, 5), short(4, 6)])} == {()}

    comes_back(work)


def test_it_can_be_closed_and_is_ended(stopped: DecoderProcesses) -> None:
    def work() -> None:
        fill(stopped)
        stopped.close()

    comes_back(work)
    wait_for_the_end(processes_of(stopped))
