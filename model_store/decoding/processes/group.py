"""A decoder whose segments are decoded by several processes; the engine's thread only hands out and takes back."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.util import Finalize

from model_store.decoding.encodings import KEPT_SOURCES
from model_store.decoding.newcomers import width_of
from model_store.decoding.processes.channel import Channel
from model_store.decoding.processes.counterpart import Counterpart
from model_store.decoding.processes.messages import (
    Admit,
    Cancel,
    Open,
    Opener,
    Report,
    Watch,
)
from model_store.decoding.processes.origin import ORIGIN_ENDS, origin, places_of_modules
from model_store.decoding.segment import Results, Segment, StepDone
from model_store.errors import DecoderProcessError, SegmentError

# It takes seconds, or most of a minute where kernels are compiled; much more from a slow disk, on a busy machine.
OPENED_WITHIN_S = 600.0
_LOOKS_EVERY_S = 1.0
_NUMBER_BYTES = 20  # of a process, in digits, at most
_CLOSED_BEFORE_ORIGIN = ORIGIN_ENDS + 1


class DecoderProcesses:
    """Implements Decoder. Each process has the same decoder with slots of its own, and does the
    next step whether or not the others have done theirs. A segment is decoded by one of them, exactly as by a decoder
    in this process, since rows do not depend on each other.

    If one of them fails, hangs or is ended, `step` or `admit` raises, all are ended, and it is to be thrown away.
    """

    def __init__(self, opener: Opener, *, processes: int, cores: int) -> None:
        """Returns when all are ready. opener: makes the decoder, in another process. cores: threads of those that are
        at work, together.

        Raises:
            DecoderProcessError: one has ended, or they are not ready in OPENED_WITHIN_S. Whatever `opener` raises.
        """
        (self._lifeline, *ours), theirs = zip(*(socket.socketpair() for _each in range(1 + processes)), strict=True)
        self._lifeline.setblocking(False)
        self._by_place = [Counterpart(Channel(each)) for each in ours]
        # They end when their connections are closed, at the latest before their origin is waited for, at Python's end.
        channels = [member.channel for member in self._by_place]
        self._close = Finalize(self, _close, args=(channels, self._lifeline), exitpriority=_CLOSED_BEFORE_ORIGIN)
        level = logging.getLogger().getEffectiveLevel()
        self._woken, self._waking = Pipe(duplex=False)
        self._wakes = False
        with self._ending_if_it_fails():
            try:
                self._asked = origin().fork(*theirs)
            finally:
                for each in theirs:
                    each.close()
            with contextlib.suppress(DecoderProcessError):  # its end, and the reason perhaps, is what is received next
                self._by_place[0].send(places_of_modules())
                self._by_place[0].send(Open(opener, cores, level))
            self._open()
        self._finished: Results = []
        self._since: dict[int, int] = {}  # steps that the process had told of when it was given the ticket
        self._ended: dict[int, int] = {}  # the same count at the end, of what has finished
        self._settled: dict[int, tuple[int, ...]] = {}
        self._recent: OrderedDict[tuple[int, ...], Counterpart] = OrderedDict()
        self._admitted = 0

    @property
    def max_rows(self) -> int:
        """Of all processes."""
        return sum(member.ready.max_rows for member in self._by_place)

    @property
    def live(self) -> int:
        """Segments that a process has, or that have ended and were not collected."""
        return sum(len(member.widths) for member in self._by_place)

    @property
    def encoding(self) -> frozenset[int]:
        """Tickets of segments that are being encoded, or are on their way to it."""
        return frozenset().union(*(member.encoding for member in self._by_place))

    @property
    def continued(self) -> int:
        """Of all processes."""
        return sum(member.continued for member in self._by_place)

    def check(self, segment: Segment) -> None:
        """Raises SegmentError if the decoder can never take `segment`."""
        self._by_place[0].ready.limits.check(segment)

    def steps(self, ticket: int) -> int:
        """How many the process has told of that has the ticket. Of one that finished, until the next `collect`: what it
        was given out with and all that were done since, exactly."""
        return self._ended.get(ticket, self._member_of(ticket).steps)

    def room(self, beam_size: int) -> int:
        """How many more segments of that beam can be admitted now."""
        return sum(member.room(beam_size) for member in self._by_place)

    def admit(self, segments: Sequence[Segment]) -> list[int]:
        """Hand out segments of one beam, each to the process that has fewest rows in use, or to the one that lately had
        the same source and may have it encoded, if it has hardly more. Returns a ticket for each.

        Raises SegmentError, and admits none, if one of them does not fit the decoder or there is no room for all.
        """
        for segment in segments:
            self.check(segment)
        room = {member: member.room(max((each.beam_size for each in segments), default=1)) for member in self._by_place}
        if sum(room.values()) < len(segments):
            raise SegmentError(f"segments: no room for {len(segments)} more beside the {self.live} that are live")
        rows = {member: member.rows for member in self._by_place}
        parts: dict[Counterpart, list[tuple[int, Segment]]] = {}
        tickets = []
        for segment in segments:
            width = width_of(segment.beam_size)
            freest = min((each for each in self._by_place if room[each]), key=rows.__getitem__)
            member = self._recent.get(segment.source, freest)
            if not room[member] or rows[member] > rows[freest] + width:
                member = freest
            self._remember(segment.source, member)
            tickets.append(self._admitted * len(self._by_place) + self._by_place.index(member))
            self._admitted += 1
            room[member] -= 1
            rows[member] += width
            parts.setdefault(member, []).append((tickets[-1], segment))
        if not self.live:  # nobody steps, and so nobody has seen whether one has ended
            self._take_in_all()
        for member, part in parts.items():
            with self._ending_if_it_fails():
                member.send(Admit(tuple(part)))
            member.widths |= {ticket: width_of(segment.beam_size) for ticket, segment in part}
            self._since |= {ticket: member.steps for ticket, _segment in part}
            member.encoding |= {ticket for ticket, _segment in part}
            member.owed |= {ticket for ticket, _segment in part}
        return tickets

    def step(self) -> tuple[StepDone, ...]:
        """Wait until a process has something to tell, or for `wake`, and take in what all tell; says which steps
        were done."""
        waited_s = self._wait()
        if self._woken.poll():
            self._wakes = False
            self._woken.recv_bytes()
        return self._take_in_all(waited_s)

    def wake(self) -> None:
        """Have a `step` that waits return, or the next one; from any thread."""
        if not self._wakes:  # what two threads write at once is read by two steps, which does no harm
            self._wakes = True
            self._waking.send_bytes(b"")

    def collect(self) -> Results:
        """What finished since the last call: tickets with their hypotheses, best first."""
        finished, self._finished = self._finished, []
        self._ended = {ticket: self._ended[ticket] for ticket, _hypotheses in finished}
        return finished

    def settled(self, ticket: int) -> tuple[int, ...]:
        """The tokens that the result of a live segment is sure to begin with, as far as was reported; it is after the
        first call for it."""
        member = self._member_of(ticket)
        if ticket not in member.widths:
            return ()
        if ticket not in self._settled:
            self._settled[ticket] = ()
            with contextlib.suppress(DecoderProcessError):  # the next step meets it, which is the one to say so
                member.send(Watch(ticket))
        return self._settled[ticket]

    def cancel(self, ticket: int) -> None:
        """Free the slot of a segment without a result; a ticket that is not live is ignored."""
        member = self._member_of(ticket)
        if self._drop(member, ticket):
            member.send(Cancel(ticket))

    def close(self) -> None:
        """End the processes. Done too when the last reference is gone."""
        self._close()

    @contextlib.contextmanager
    def _ending_if_it_fails(self) -> Iterator[None]:
        """The others would go on for as long as the exception keeps this object."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Wait until all are."""
        waited_s = 0.0
        while not all(member.open for member in self._by_place):
            if waited_s > OPENED_WITHIN_S:
                raise DecoderProcessError(f"{self._what_hangs()}, in {OPENED_WITHIN_S:.0f} s")
            waited_s += self._wait()
            try:
                for member in self._by_place:
                    member.receive()
                    member.flush()
            except DecoderProcessError:
                self._by_place[0].receive()  # raises the reason, if it was told: all end with the first
                raise

    def _what_hangs(self) -> str:
        """And has it replaced, if it is where they come from."""
        late = [member for member in self._by_place if not member.open]
        if len(late) < len(self._by_place):
            return f"{len(late)} of {len(self._by_place)} processes that decode do not begin"
        try:
            first = self._lifeline.recv(_NUMBER_BYTES).decode()
        except BlockingIOError:
            origin().give_up(self._asked)
            return "the process that those that decode come from has made none"
        return f"a process that decodes, {first}, has not opened its model"

    def _wait(self) -> float:
        """Until a process tells something, or takes what waits for it, or for `wake`; for how many seconds."""
        began_s = time.monotonic()
        with selectors.PollSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for member in self._by_place:
                selector.register(member.channel, member.channel.events)
            selector.select(_LOOKS_EVERY_S)
        # All of them may have been stopped, and gone on: by Ctrl-Z, or with the machine.
        return min(time.monotonic() - began_s, 2 * _LOOKS_EVERY_S)

    def _member_of(self, ticket: int) -> Counterpart:
        return self._by_place[ticket % len(self._by_place)]

    def _remember(self, source: tuple[int, ...], member: Counterpart) -> None:
        self._recent[source] = member
        self._recent.move_to_end(source)
        if len(self._recent) > KEPT_SOURCES * len(self._by_place):
            self._recent.popitem(last=False)

    def _drop(self, member: Counterpart, ticket: int) -> bool:
        member.encoding.discard(ticket)
        self._settled.pop(ticket, None)
        self._since.pop(ticket, None)
        return member.widths.pop(ticket, None) is not None

    def _take_in_all(self, waited_s: float = 0.0) -> tuple[StepDone, ...]:
        done: list[StepDone] = []
        with self._ending_if_it_fails():
            for member in self._by_place:
                while report := member.receive():
                    done += self._take_in(member, report)
                member.flush()
                member.check_pace(waited_s)
        return tuple(done)

    def _take_in(self, member: Counterpart, report: Report) -> tuple[StepDone, ...]:
        member.steps += len(report.done)
        member.continued = report.continued
        member.encoding.difference_update(report.encoded)
        for ticket, tokens in report.settled:
            if ticket in self._settled:
                self._settled[ticket] = tokens
        for found in report.finished:
            member.owed.discard(found.ticket)
            since = self._since.get(found.ticket, 0)
            if self._drop(member, found.ticket):  # or it was cancelled meanwhile
                self._finished.append(found.result)
                self._ended[found.ticket] = since + found.steps
        return report.done


def _close(channels: Sequence[Channel], lifeline: socket.socket) -> None:
    for each in channels:
        each.close()
    lifeline.close()
