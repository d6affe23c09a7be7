"""A scheduler on a clock set by hand, and what it takes."""

from __future__ import annotations

from collections.abc import Callable

from service.engine.scheduler import Scheduler
from service.engine.waiting import QueueLimits
from tests.unit.service.engine.fakes import FakeClock


def make_scheduler(segments: int = 100, tokens: int = 10_000) -> tuple[Scheduler, FakeClock]:
    clock = FakeClock()
    return Scheduler(QueueLimits(segments, tokens), clock), clock


def waiting_tokens(scheduler: Scheduler) -> int:
    return sum(each.tokens for each in scheduler.waiting.values())


def room_for(count: int) -> Callable[[int], int]:
    return lambda beam_size: count // beam_size


def taken(scheduler: Scheduler, room: int = 1000) -> list[int]:
    return [entry.entry_id for entry in scheduler.take(room_for(room))]
