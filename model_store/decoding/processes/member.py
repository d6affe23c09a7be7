"""A process that decodes: opens the decoder, divides into as many as are wanted, and serves one connection in each."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue

import torch

from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.processes.core_share import CoreShare
from model_store.decoding.processes.messages import (
    Admit,
    Answer,
    Cancel,
    Failed,
    Found,
    Logged,
    Open,
    Ready,
    Report,
    Request,
    Watch,
)
from model_store.decoding.segment import Segment, StepDone
from model_store.freed_memory import give_back_freed_memory

logger = logging.getLogger("verso.decoding")

TELLS_EVERY_S = 0.05
# Whoever answers HTTP goes first: what it does is short, and under an overload nobody else could refuse in time.
NICENESS = 5


def run(connections: Sequence[Connection]) -> None:
    """Be the first of len(connections) processes, until its connection is closed. The first message in it is an Open.

    What is read and packed before they divide, weights above all, is in memory once: a page is copied only when one of
    them writes to it. There must be one thread until then, since others would be missing afterwards.
    """
    # Whoever asks decides when this ends: it closes the connection, or is gone, and then the connection is closed too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    os.nice(NICENESS)
    try:
        wanted = _wanted(connections[0])
        share = CoreShare(wanted.cores, len(connections))
        first = _Outbox(connections[0], wanted.log_level)
        decoder = wanted.opener(Threads(wanted.cores, share.threads))
        gc.collect()
        gc.freeze()  # the collector would write to every object, and so copy its page
        give_back_freed_memory()  # what opening took besides, which each of them would have
        for place in range(1, len(connections)):
            if os.fork() == 0:
                status = 1
                try:
                    _Member(decoder, connections, place, share, _Outbox(connections[place], wanted.log_level)).serve()
                    status = 0
                finally:
                    os._exit(status)
    except (EOFError, BrokenPipeError, ConnectionResetError):  # nobody wants it any more
        return
    except BaseException as error:
        connections[0].send(Failed(_sendable(error)))
        return
    _Member(decoder, connections, 0, share, first).serve()


def _wanted(connection: Connection) -> Open:
    """Whoever asks finds its modules where this process may not: where to look comes first."""
    sys.path[:] = connection.recv()
    wanted = connection.recv()
    assert isinstance(wanted, Open)
    return wanted


def wait_for_children() -> None:
    """Wait until the processes have ended that were made here, if any were: all connections are closed together, and
    `forking` ends those that hang. Else they would be left to process 1. In a container that is the service, which does
    not ask for their end, so that they would stay as zombies; and the time that they took would be nobody's."""
    with contextlib.suppress(ChildProcessError):  # none is left
        while True:
            os.wait()


class _Outbox:
    """The way back, for any thread; and for log lines, of which it is a queue."""

    def __init__(self, connection: Connection, log_level: int) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        root = logging.getLogger()
        root.handlers = [QueueHandler(self)]  # type: ignore[arg-type]
        root.setLevel(log_level)

    def put(self, answer: Answer) -> None:
        with self._lock:
            self._connection.send(answer)

    def put_nowait(self, record: logging.LogRecord) -> None:
        self.put(Logged(record))


class _Member:
    """One of the processes: takes what comes between steps, and steps as long as there is something to decode."""

    def __init__(
        self, decoder: InFlightDecoder, connections: Sequence[Connection], place: int, share: CoreShare, outbox: _Outbox
    ) -> None:
        for other, connection in enumerate(connections):
            if other != place:
                connection.close()  # or nobody would see its end
        self._decoder = decoder
        self._connection = connections[place]
        self._share = share
        share.join(place)
        self._outbox = outbox
        self._inbox: SimpleQueue[Request] = SimpleQueue()
        self._tickets: dict[int, int] = {}  # of the decoder -> of the asking process
        self._since: dict[int, int] = {}  # of the decoder -> steps that were done before
        self._watched: dict[int, int] = {}  # of the decoder -> how many tokens were told of
        self._encoding: set[int] = set()
        self._without_result: list[int] = []  # tickets of the asking process
        self._done: list[StepDone] = []  # that were not told of
        self._told_s = 0.0

    def serve(self) -> None:
        """Until a step fails, which is told; or the connection is closed."""
        # Before anything can be asked for, or nothing would take it while a report waits to be taken.
        threading.Thread(target=self._receive, daemon=True).start()
        limits, rows, ahead = self._decoder.limits, self._decoder.max_rows, self._decoder.encode_ahead
        self._outbox.put(Ready(os.getpid(), limits, rows, ahead))
        try:
            while True:
                self._take()
                if self._decoder.live:
                    self._done += self._decoder.step()
                self._tell()
        except (BrokenPipeError, ConnectionResetError):
            return
        except BaseException as error:
            self._outbox.put(Failed(_sendable(error)))

    def _receive(self) -> None:
        """In a thread of its own, so that whoever asks never waits for a step. The end of it all ends the process, in
        whatever step it is."""
        try:
            while True:
                self._inbox.put(self._connection.recv())
        except (EOFError, OSError):
            wait_for_children()
            os._exit(0)

    def _take(self) -> None:
        """What was asked for since the last step; waits for it, if there is nothing else to do. Segments that came one
        after the other are admitted together: weights are read once for the sources of all."""
        new: list[tuple[int, Segment]] = []
        while (idle := not (self._decoder.live or self._without_result or new)) or not self._inbox.empty():
            if idle:
                self._share.work(False)
            request = self._inbox.get()
            if isinstance(request, Admit):
                self._share.work(True)
                new += request.segments
                continue
            self._admit(new)
            new = []
            match request:
                case Cancel(ticket):
                    self._forget(ticket)
                case Watch(ticket):
                    self._watched |= {own: 0 for own, theirs in self._tickets.items() if theirs == ticket}
        self._admit(new)

    def _tell(self) -> None:
        """What somebody waits for, at once; steps, only so often that it is known that there are some."""
        finished = tuple(self._finished())
        encoded, settled = self._encoded(), self._settled()
        if finished or encoded or settled or time.monotonic() - self._told_s > TELLS_EVERY_S:
            self._outbox.put(Report(tuple(self._done), finished, encoded, settled, self._decoder.continued))
            self._done.clear()
            self._told_s = time.monotonic()

    def _admit(self, segments: Sequence[tuple[int, Segment]]) -> None:
        """Together, or one at a time if that fails, so that one of them does not take the others along."""
        if not segments:
            return
        before = self._decoder.live
        try:
            own = self._decoder.admit([segment for _ticket, segment in segments])
        except Exception:
            if self._decoder.live != before:
                raise  # it cannot be trusted any more
            if len(segments) > 1:
                for each in segments:
                    self._admit([each])
                return
            logger.exception("a segment could not be admitted: it ends without a result")
            self._without_result.append(segments[0][0])
            return
        self._tickets |= zip(own, (ticket for ticket, _segment in segments), strict=True)
        self._since |= {each: self._decoder.steps(each) for each in own}
        self._encoding |= set(own)

    def _forget(self, ticket: int) -> None:
        for own in [own for own, theirs in self._tickets.items() if theirs == ticket]:
            self._decoder.cancel(own)
            del self._tickets[own], self._since[own]
            self._watched.pop(own, None)
            self._without_result.append(ticket)  # nobody waits for it, but for a sign of life

    def _finished(self) -> list[Found]:
        finished, self._without_result = [Found.of(ticket, 0, ()) for ticket in self._without_result], []
        for own, hypotheses in self._decoder.collect():
            self._watched.pop(own, None)
            if (ticket := self._tickets.pop(own, None)) is not None:
                steps = self._decoder.steps(own) - self._since.pop(own)
                finished.append(Found.of(ticket, steps, hypotheses))
        return finished

    def _encoded(self) -> tuple[int, ...]:
        encoded = self._encoding - self._decoder.encoding
        self._encoding -= encoded
        return tuple(self._tickets[own] for own in encoded if own in self._tickets)

    def _settled(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        news = []
        for own, told in self._watched.items():
            if len(tokens := self._decoder.settled(own)) > told:
                self._watched[own] = len(tokens)
                news.append((self._tickets[own], tokens))
        return tuple(news)


def _sendable(error: BaseException) -> BaseException:
    """The error itself, if the other process can have it; else what it says."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
