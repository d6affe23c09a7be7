"""What a process that decodes makes of what it is asked between two steps."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.processes import member
from model_store.decoding.processes.core_share import CoreShare
from model_store.decoding.processes.messages import Admit, Cancel, Report, Request, Watch
from model_store.decoding.segment import Segment
from tests.unit.model_store.decoding.networks import open_tiny, tiny_network
from tests.unit.model_store.decoding.processes.rig import short


class Counting(InFlightDecoder):
    """Knows how many were admitted at a time."""

    def admit(self, segments: Sequence[Segment]) -> list[int]:
        self.admitted.append(len(segments))
        return super().admit(segments)

    admitted: list[int]


def test_what_came_since_the_last_step_is_admitted_together_and_in_order() -> None:
    plain = open_tiny(tiny_network(seed=1))
    decoder = Counting(plain.backend, plain.vocabulary, max_target_length=16, max_rows=24, encode_ahead=0)
    decoder.admitted = []
    told: list[Any] = []
    connection, other = Pipe()
    outbox: Any = SimpleNamespace(put=told.append)
    one = member._Member(decoder, [connection], 0, CoreShare(1, 1), outbox)
    segments = [short(4 + number) for number in range(7)]
    asked: list[Request] = [Admit(((number, each),)) for number, each in enumerate(segments[:6])]
    # Six take all rows, so the last has room when the one before it is cancelled, and not sooner.
    for request in [*asked, Watch(0), Cancel(3), Admit(((6, segments[6]),))]:
        one._inbox.put(request)
    one._take()
    assert decoder.admitted == [6, 1]
    assert one._watched == {0: 0}
    while decoder.live:
        decoder.step()
        one._tell()
    found = {each.ticket: each for report in told if isinstance(report, Report) for each in report.finished}
    assert {ticket for ticket, each in found.items() if each.result[1]} == {0, 1, 2, 4, 5, 6}
    connection.close()
    other.close()
