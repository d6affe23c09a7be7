"""Decoders that other processes open: found there by the names of these functions."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Encoding
from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.processes import member
from model_store.decoding.processes.core_share import CoreShare
from model_store.decoding.segment import Segment, StepDone
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from tests.unit.model_store.decoding.networks import open_tiny, tiny_network

POISON = 22  # a source with it cannot be encoded
BOMB = 23  # every step raises while it is live


def open_one(_threads: Threads) -> InFlightDecoder:
    """Twelve rows."""
    return open_tiny(tiny_network(seed=1), max_rows=12)


class _Poisoned(EagerBackend):
    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        if any(POISON in source for source in sources):
            raise RuntimeError("poisonous")
        return super().encode(sources, rows)


class _Bombed(InFlightDecoder):
    def step(self) -> tuple[StepDone, ...]:
        if self.bombs:
            raise _BangError(3, "bang")
        return super().step()

    def admit(self, segments: Sequence[Segment]) -> list[int]:
        self.bombs = any(BOMB in segment.source for segment in segments)
        return super().admit(segments)

    bombs = False


class _BangError(Exception):
    """Cannot be made anew of its arguments, as pickle would."""

    def __init__(self, number: int, word: str) -> None:
        super().__init__(f"{word}, {number} times")


def open_poisoned(_threads: Threads) -> InFlightDecoder:
    """What meets POISON when it encodes raises."""
    network: Seq2Seq = tiny_network(seed=1)
    logging.getLogger("verso.decoding").warning("opened with %s", "poison")
    return open_tiny(network, max_rows=12, backend=_Poisoned(network, source_capacity=12))


def open_bombed(_threads: Threads) -> InFlightDecoder:
    """A step with BOMB raises."""
    plain = open_tiny(tiny_network(seed=1), max_rows=12)
    return _Bombed(plain.backend, plain.vocabulary, max_target_length=16, max_rows=12, encode_ahead=3)


def open_none(_threads: Threads) -> InFlightDecoder:
    """Cannot be opened."""
    raise ConfigError("backend: none")


def open_with_a_bang(_threads: Threads) -> InFlightDecoder:
    """Cannot be opened, for a reason that does not travel."""
    raise _BangError(3, "bang")


def open_reporting(folder: Path, threads: Threads) -> InFlightDecoder:
    """Writes down how many threads it may have before the processes divide."""
    assert threads.allowed is not None
    (folder / "threads").write_text(f"{threads.most} {threads.allowed()}")
    return open_one(threads)


class _Hanging(InFlightDecoder):
    def step(self) -> tuple[StepDone, ...]:
        time.sleep(600)
        return ()


def endless_network() -> Seq2Seq:
    """Writes as much as it may."""
    return tiny_network(seed=1, eos_bias=-50.0)


class _Gated(InFlightDecoder):
    gate, done = 0, 0

    def step(self) -> tuple[StepDone, ...]:
        os.read(self.gate, 1)
        try:
            return super().step()
        finally:
            os.write(self.done, b".")


def open_gated(folder: Path, _threads: Threads) -> InFlightDecoder:
    """Takes a byte of `gate` for each step, and leaves one in `done`; steps are told of with something else only."""
    member.TELLS_EVERY_S = 1e9
    plain = open_tiny(endless_network(), max_rows=12)
    gated = _Gated(plain.backend, plain.vocabulary, max_target_length=16, max_rows=12, encode_ahead=3)
    gated.gate, gated.done = (os.open(folder / name, os.O_RDWR) for name in ("gate", "done"))
    return gated


def open_hanging(_threads: Threads) -> InFlightDecoder:
    """Does not come back from a step."""
    plain = open_tiny(tiny_network(seed=1), max_rows=12)
    return _Hanging(plain.backend, plain.vocabulary, max_target_length=16, max_rows=12, encode_ahead=3)


class _Wedged(InFlightDecoder):
    told = Path()

    def step(self) -> tuple[StepDone, ...]:
        (self.told / str(os.getpid())).touch()
        ctypes.PyDLL(None).sleep(600)  # no other thread has a turn
        return ()


def open_wedged(folder: Path, _threads: Threads) -> InFlightDecoder:
    """Does not come back from a step, and leaves a file with its number there; it does not see that it is to end."""
    plain = open_tiny(tiny_network(seed=1), max_rows=12)
    wedged = _Wedged(plain.backend, plain.vocabulary, max_target_length=16, max_rows=12, encode_ahead=3)
    wedged.told = folder
    return wedged


def open_stopped(_threads: Threads) -> InFlightDecoder:
    """Stands still, and never comes to an end."""
    os.kill(os.getpid(), signal.SIGSTOP)
    raise AssertionError("it goes on")


class StopsWhoReadsIt:
    """Has the process that is to open it stand still before it knows what to open."""

    def __call__(self, _threads: Threads) -> InFlightDecoder:
        raise AssertionError("it goes on")

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return _stop, ()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def open_that_hangs_when_divided(threads: Threads) -> InFlightDecoder:
    """Has the other processes stand still as they begin."""
    first = os.getpid()

    def join(share: CoreShare, place: int) -> None:
        if os.getpid() != first:
            os.kill(os.getpid(), signal.SIGSTOP)
        joined(share, place)

    joined = CoreShare.join
    CoreShare.join = join  # type: ignore[method-assign,assignment]
    return open_one(threads)


def open_that_cannot_divide(threads: Threads) -> InFlightDecoder:
    """Has the process that opens it find no room for others."""

    def fork() -> int:
        raise BlockingIOError(11, "no more processes")

    os.fork = fork
    return open_one(threads)
