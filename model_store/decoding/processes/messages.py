"""What goes between the process that asks and those that decode. Tickets are the asking one's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch

from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.segment import Hypothesis, Limits, Segment, StepDone

Array: TypeAlias = np.ndarray[Any, Any]
# Opens the decoder, in the first of the processes that have it: a function of a module, or a partial one.
Opener: TypeAlias = Callable[[Threads], InFlightDecoder]


@dataclass(frozen=True)
class Open:
    """What the first of the processes is to open. cores: threads of those that are at work, together. log_level: of the
    log lines that are sent."""

    opener: Opener
    cores: int
    log_level: int


@dataclass(frozen=True)
class Admit:
    """Segments to decode, with their tickets."""

    segments: tuple[tuple[int, Segment], ...]


@dataclass(frozen=True)
class Cancel:
    """A segment that nobody waits for any more."""

    ticket: int


@dataclass(frozen=True)
class Watch:
    """A segment whose settled tokens are to be told of, step by step."""

    ticket: int


@dataclass(frozen=True)
class Ready:
    """The decoder is open. process: its id. max_rows, encode_ahead: its own."""

    process: int
    limits: Limits
    max_rows: int
    encode_ahead: int


@dataclass(frozen=True)
class Found:
    """A result on its way. steps: that were done since it was admitted there. attention: that of each hypothesis,
    float32, shape = (tokens, source tokens); the hypothesis has none meanwhile: multiprocessing would leave a tensor in
    memory that both processes have, a file for each."""

    ticket: int
    steps: int
    hypotheses: tuple[Hypothesis, ...]
    attention: tuple[Array | None, ...]

    @classmethod
    def of(cls, ticket: int, steps: int, hypotheses: tuple[Hypothesis, ...]) -> Found:
        """As it is sent."""
        attention = tuple(None if each.attention is None else each.attention.numpy() for each in hypotheses)
        return cls(ticket, steps, tuple(replace(each, attention=None) for each in hypotheses), attention)

    @property
    def result(self) -> tuple[int, tuple[Hypothesis, ...]]:
        """As it was."""
        weights = (None if each is None else torch.from_numpy(each) for each in self.attention)
        both = zip(self.hypotheses, weights, strict=True)
        return self.ticket, tuple(replace(each, attention=attention) for each, attention in both)


@dataclass(frozen=True)
class Report:
    """What steps, and what was asked for, led to since the last report.

    done: the steps. settled: of what is watched and has more of them. continued: as of a Decoder, in all.
    """

    done: tuple[StepDone, ...]
    finished: tuple[Found, ...]
    encoded: tuple[int, ...]
    settled: tuple[tuple[int, tuple[int, ...]], ...]
    continued: int


@dataclass(frozen=True)
class Logged:
    """A line for the asking process's log."""

    record: logging.LogRecord


@dataclass(frozen=True)
class Failed:
    """The process ends, for that reason."""

    error: BaseException


Request: TypeAlias = Admit | Cancel | Watch
# What may go to a process: before all requests where it finds modules, and what the first is to open.
Message: TypeAlias = list[str] | Open | Request
Answer: TypeAlias = Ready | Report | Logged | Failed
