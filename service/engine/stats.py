"""What the engine tells about itself: reports of segments, steps and restarts, and the observer that receives them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from service.engine.segment import Priority, SegmentTimings

Outcome = Literal["decoded", "shared", "cache", "failed", "cancelled", "expired", "stopped"]
Rejection = Literal["overloaded", "unavailable", "invalid"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SegmentReport:
    """One accepted segment of one caller, at its end.

    outcome: decoded, shared (with an identical one in flight) and cache are answers; failed (the decoder raised),
        cancelled (the caller went away), expired (its deadline passed) and stopped (the engine stopped) are not.
    source_tokens: length of the source. target_tokens: length of the best hypothesis, 0 without an answer.
    timings: as in SegmentResult; all zero without an answer.
    """

    outcome: Outcome
    source_tokens: int
    target_tokens: int
    beam_size: int
    timings: SegmentTimings


@dataclass(frozen=True)
class Waiting:
    """What waits in one priority class: segments, and their source tokens. Each class has the same limits."""

    segments: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class EngineHealth:
    """The engine's state at one moment.

    running: its thread lives and the decoder was built. healthy: running, and the decoder has not failed several times
        in a row; readiness is healthy and not draining. lost: it will not come back without a new process. draining:
        finishes what it accepted and refuses the rest.
    waiting: by priority. live: segments that hold a slot. restarts: times the decoder was rebuilt after a failure.
    last_error: the latest failure of the decoder, None if there was none. hypotheses: beams of what holds a slot, added
    up; rows: how many of them the decoder holds at most.
    """

    running: bool
    healthy: bool
    lost: bool
    draining: bool
    waiting: Mapping[Priority, Waiting]
    live: int
    restarts: int
    last_error: str | None
    hypotheses: int = 0
    rows: int = 0

    @property
    def queued(self) -> int:
        """Segments that wait."""
        return sum(each.segments for each in self.waiting.values())

    @property
    def queued_tokens(self) -> int:
        """Source tokens that wait."""
        return sum(each.tokens for each in self.waiting.values())


@dataclass(frozen=True)
class EngineIdentity:
    """Which engine: the bundle it decodes with, and where it computes ("cpu", "cuda:0")."""

    model: str
    version: str
    device: str


class EngineObserver:
    """Receives what happens in the engine; this one is not interested. Calls come from the engine's thread (admitted,
    step, restarted) and from the event loop (the others), so an observer is thread-safe and quick. One that raises is
    logged and otherwise ignored."""

    def segment_finished(self, report: SegmentReport) -> None:
        """An accepted segment ended, with an answer or without; exactly once per accepted segment and caller."""

    def segment_rejected(self, reason: Rejection, segments: int) -> None:
        """A group of `segments` segments was refused as a whole."""

    def admitted(self, segments: int, duration_s: float, continued: int) -> None:
        """`segments` segments were encoded together and got slots; `continued` of them went on from where an
        earlier one with the beginning of their prefix had come to."""

    def step(self, live_segments: int, duration_s: float) -> None:
        """One decoding step ran with `live_segments` in slots."""

    def restarted(self) -> None:
        """The decoder failed and was rebuilt."""


class GuardedObserver(EngineObserver):
    """Passes everything on to another observer and logs what that raises: watching must not stop the work."""

    def __init__(self, observer: EngineObserver) -> None:
        self._observer = observer

    def segment_finished(self, report: SegmentReport) -> None:
        """Passed on."""
        self._guard(lambda: self._observer.segment_finished(report))

    def segment_rejected(self, reason: Rejection, segments: int) -> None:
        """Passed on."""
        self._guard(lambda: self._observer.segment_rejected(reason, segments))

    def admitted(self, segments: int, duration_s: float, continued: int) -> None:
        """Passed on."""
        self._guard(lambda: self._observer.admitted(segments, duration_s, continued))

    def step(self, live_segments: int, duration_s: float) -> None:
        """Passed on."""
        self._guard(lambda: self._observer.step(live_segments, duration_s))

    def restarted(self) -> None:
        """Passed on."""
        self._guard(self._observer.restarted)

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            logger.exception("the engine's observer raised")
