"""The asking process's end of a connection never waits for the other, and what it sends and receives is whole."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

import pytest

from model_store.decoding.processes.channel import Channel
from model_store.decoding.processes.messages import Admit, Cancel, Message, Report
from model_store.decoding.segment import Segment, StepDone

READ_AND_WRITE = selectors.EVENT_READ | selectors.EVENT_WRITE
LARGE = Admit(tuple((ticket, Segment(tuple(range(4, 1004)), max_length=9)) for ticket in range(500)))


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Connection]]:
    """The asking process's, and the other one's."""
    ours, theirs = socket.socketpair()
    channel, connection = Channel(ours), Connection(theirs.detach())
    yield channel, connection
    channel.close()
    connection.close()


def report(steps: int) -> Report:
    return Report(tuple(StepDone(1, 0.5) for _step in range(steps)), (), (), (), 0)


def framed(message: object) -> bytes:
    """As the other process sends it."""
    read, write = (Connection(each.detach()) for each in socket.socketpair())
    with read, write, socket.socket(fileno=read.fileno()) as raw:
        write.send(message)
        content = raw.recv(1_000_000)
        raw.detach()
    return content


def test_what_is_not_taken_waits_and_comes_whole_and_in_order(ends: tuple[Channel, Connection]) -> None:
    channel, connection = ends
    sent: list[Message] = [Cancel(1), LARGE, Cancel(2), LARGE, Cancel(3)]
    assert len(ForkingPickler.dumps(LARGE)) > 1_000_000  # more than any socket takes
    for message in sent:
        channel.send(message)
    assert channel.events == READ_AND_WRITE
    taken: list[Message] = []
    with selectors.PollSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        received = bytearray()
        while len(taken) < len(sent):
            # What the socket has is read, and then it takes more: one after the other, in one thread.
            while selector.select(0):
                received += _some(connection)
            channel.flush()
            while (whole := int.from_bytes(received[:4], "big") + 4) <= len(received) and received:
                taken.append(ForkingPickler.loads(received[4:whole]))
                del received[:whole]
    assert taken == sent
    assert channel.events == selectors.EVENT_READ


def _some(connection: Connection) -> bytes:
    with socket.socket(fileno=connection.fileno()) as raw:
        some = raw.recv(65_536)
        raw.detach()
    return some


def test_what_is_small_is_read_as_multiprocessing_reads_it(ends: tuple[Channel, Connection]) -> None:
    channel, connection = ends
    sent: list[Message] = [["a/folder", "b"], Cancel(5)]
    for message in sent:
        channel.send(message)
    assert [connection.recv() for _message in sent] == sent
    connection.send(report(1))
    connection.send(report(2))
    assert [channel.receive() for _message in range(3)] == [report(1), report(2), None]


@pytest.mark.parametrize("part", [1, 3, 4, 5, 1000])
def test_an_answer_of_which_a_part_has_come_is_none_yet(ends: tuple[Channel, Connection], part: int) -> None:
    channel, connection = ends
    content = framed(report(90))
    assert len(content) > 1000
    with socket.socket(fileno=connection.fileno()) as raw:
        raw.sendall(content[:part])
        assert channel.receive() is None
        assert channel.receive() is None
        raw.sendall(content[part:] + content[:part])
        assert channel.receive() == report(90)
        assert channel.receive() is None
        raw.detach()


def test_the_end_comes_after_what_was_said_before_it(ends: tuple[Channel, Connection]) -> None:
    channel, connection = ends
    connection.send(report(1))
    connection.close()
    assert channel.receive() == report(1)
    with pytest.raises(EOFError):
        channel.receive()
    with pytest.raises(BrokenPipeError):
        channel.send(Cancel(1))
