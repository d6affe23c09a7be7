"""A deterministic decoder, its factory, a clock that is set by hand, and an observer that remembers."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from model_store.decoding.segment import Hypothesis, Segment, StepDone
from model_store.errors import DecoderProcessError, SegmentError
from service.engine.stats import EngineObserver, Outcome, Rejection, SegmentReport

POISON = 666  # admit raises
BOMB = 777  # every step raises while it is live
QUIT = 999  # every step raises what ends a thread
LEAK = 888  # admit raises after it has taken slots
MAX_SOURCE_LENGTH = 50


def make_segment(*source: int, steps: int = 2, beam_size: int = 1) -> Segment:
    """A segment that the fake decodes in `steps` steps."""
    return Segment(source, max_length=steps, beam_size=beam_size)


def answer(segment: Segment) -> tuple[int, ...]:
    """The target that the fake gives: the source backwards, so that no two segments can be mistaken."""
    return segment.source[::-1]


class FakeClock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class FakeDecoder:
    """Rows shared by beams; a segment ends max_length steps after it was encoded, which takes `encode_steps`, and every
    prefix continues one. Misuse of the protocol raises AssertionError.

    `permits`, if given, is acquired before every step: the test decides when the decoder goes on.
    """

    def __init__(self, rows: int = 8, permits: threading.Semaphore | None = None) -> None:
        self.rows = self.max_rows = rows
        self.permits = permits
        self.encode_steps = 0
        self.gone = False  # as of a decoder in several processes: one of them was killed
        self.woken = 0  # times that a step returns without one that was done, as of a decoder in several processes
        self.stepping = threading.Event()
        self.admitted: list[list[Segment]] = []
        self._steps = 0
        self.wakes = 0
        self._held: dict[int, tuple[Segment, int]] = {}
        self._leaked = 0
        self._finished: list[tuple[int, tuple[Hypothesis, ...]]] = []
        self._tickets = 0

    @property
    def live(self) -> int:
        return len(self._held) + self._leaked

    @property
    def encoding(self) -> frozenset[int]:
        return frozenset(ticket for ticket, (_segment, age) in self._held.items() if age < 0)

    @property
    def continued(self) -> int:
        return sum(bool(segment.prefix) for segments in self.admitted for segment in segments)

    def check(self, segment: Segment) -> None:
        if len(segment.source) > MAX_SOURCE_LENGTH:
            raise SegmentError(f"source: {len(segment.source)} is too large; allowed: 1..{MAX_SOURCE_LENGTH}")

    def room(self, beam_size: int) -> int:
        used = sum(segment.beam_size for segment, _ in self._held.values()) + self._leaked
        return max(self.rows - used, 0) // beam_size

    def admit(self, segments: Sequence[Segment]) -> list[int]:
        assert segments
        if self.gone:
            raise DecoderProcessError("killed")
        for segment in segments:
            self.check(segment)
            if POISON in segment.source:
                raise RuntimeError("poisonous")
            if LEAK in segment.source:
                self._leaked += 1
                raise RuntimeError("leaking")
        if any(self.room(segment.beam_size) < 1 for segment in segments):
            raise SegmentError("beam_size: no room")
        assert sum(segment.beam_size for segment in segments) <= self.rows
        self.admitted.append(list(segments))
        tickets = [self._tickets + index for index in range(len(segments))]
        self._tickets += len(segments)
        begun = ((segment, -self.encode_steps) for segment in segments)
        self._held.update(zip(tickets, begun, strict=True))
        return tickets

    def step(self) -> Sequence[StepDone]:
        assert self._held, "a step of nothing"
        self.stepping.set()
        if self.permits is not None:
            self.permits.acquire()
        if self.woken:
            self.woken -= 1
            return []
        if any(BOMB in segment.source for segment, _ in self._held.values()):
            raise RuntimeError("bang")
        if any(QUIT in segment.source for segment, _ in self._held.values()):
            raise SystemExit("quit")
        live, self._steps = self.live, self._steps + 1
        for ticket, (segment, age) in list(self._held.items()):
            self._held[ticket] = (segment, age + 1)
            if age + 1 == segment.max_length:
                del self._held[ticket]
                self._finished.append((ticket, (Hypothesis(answer(segment), -1.0, -1.0, finished=True),)))
        return [StepDone(live, 0.0)]

    def wake(self) -> None:
        """Its steps do not wait."""
        self.wakes += 1

    def steps(self, _ticket: int) -> int:
        return self._steps

    def collect(self) -> list[tuple[int, tuple[Hypothesis, ...]]]:
        finished, self._finished = self._finished, []
        return finished

    def settled(self, ticket: int) -> tuple[int, ...]:
        if ticket not in self._held:
            return ()
        segment, age = self._held[ticket]
        return answer(segment)[: max(age, 0)]

    def cancel(self, ticket: int) -> None:
        self._held.pop(ticket, None)


class FakeFactory:
    """Makes fake decoders and remembers them; `failures` next calls raise."""

    def __init__(self, rows: int = 8, permits: threading.Semaphore | None = None) -> None:
        self.rows = rows
        self.permits = permits
        self.failures = 0
        self.decoders: list[FakeDecoder] = []

    def __call__(self) -> FakeDecoder:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no decoder today")
        self.decoders.append(FakeDecoder(self.rows, self.permits))
        return self.decoders[-1]

    @property
    def decoder(self) -> FakeDecoder:
        """The latest."""
        return self.decoders[-1]


class RecordingObserver(EngineObserver):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.reports: list[SegmentReport] = []
        self.rejections: list[tuple[Rejection, int]] = []
        self.steps: list[int] = []
        self.admissions: list[int] = []
        self.restarts = 0

    @property
    def outcomes(self) -> list[Outcome]:
        return [report.outcome for report in self.reports]

    def segment_finished(self, report: SegmentReport) -> None:
        self.reports.append(report)

    def segment_rejected(self, reason: Rejection, segments: int) -> None:
        self.rejections.append((reason, segments))

    def admitted(self, segments: int, duration_s: float, continued: int) -> None:
        assert duration_s >= 0
        assert 0 <= continued <= segments
        self.admissions.append(segments)

    def step(self, live_segments: int, duration_s: float) -> None:
        assert duration_s >= 0
        self.steps.append(live_segments)

    def restarted(self) -> None:
        self.restarts += 1
