"""A worker over fakes, and what it reported."""

from __future__ import annotations

import threading

from service.engine.scheduler import Scheduler
from service.engine.slots import Slots
from service.engine.waiting import QueueLimits
from service.engine.worker import Settled, Worker
from tests.unit.service.engine.fakes import FakeClock, FakeFactory, RecordingObserver

PATIENCE_S = 120.0  # what takes this long has failed, however busy the machine is


class Rig:
    """A worker over fakes, and what it reported."""

    def __init__(self, rows: int = 8, permits: threading.Semaphore | None = None) -> None:
        self.clock = FakeClock()
        self.factory = FakeFactory(rows, permits)
        self.observer = RecordingObserver()
        self.settled: dict[int, Settled] = {}
        self.news = threading.Condition()
        self.turns = 0
        self.worker = Worker(
            Scheduler(QueueLimits(100, 1000), self._tick),
            Slots(self.factory, self.observer, self.clock),
            self._report,
            lambda _news: None,
            self.clock,
            unhealthy_after_failures=3,
        )

    def _tick(self) -> float:
        self.turns += 1
        return self.clock()

    def _report(self, settled: list[Settled]) -> None:
        with self.news:
            for one in settled:
                assert one.entry_id not in self.settled, "an entry ends once"
                self.settled[one.entry_id] = one
            self.news.notify_all()

    def wait_for(self, *entry_ids: int) -> list[Settled]:
        with self.news:
            assert self.news.wait_for(lambda: self.settled.keys() >= set(entry_ids), PATIENCE_S)
            return [self.settled[entry_id] for entry_id in entry_ids]
