"""Whatever happens in whatever order: every entry ends once, and the counts are those of what is there."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from service.engine.scheduler import Scheduler
from service.engine.segment import Priority, Standing
from service.engine.waiting import QueueLimits
from service.errors import EngineOverloadedError
from tests.unit.service.engine.fakes import FakeClock, make_segment
from tests.unit.service.engine.scheduling import waiting_tokens

MAX_SEGMENTS, MAX_TOKENS = 8, 40
sizes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=12)
priorities = st.sampled_from(Priority)
standings = st.sampled_from(Standing)
deadlines = st.none() | st.integers(0, 5)


class SchedulerMachine(RuleBasedStateMachine):
    """The model is a dict of what is there (id -> source tokens) and the set of what runs."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.scheduler = Scheduler(QueueLimits(MAX_SEGMENTS, MAX_TOKENS), self.clock)
        self.there: dict[int, int] = {}
        self.running: set[int] = set()

    @rule(group=sizes, priority=priorities, deadline_s=deadlines, standing=standings)
    def submit(
        self, group: list[tuple[int, int]], priority: Priority, deadline_s: float | None, standing: Standing
    ) -> None:
        segments = [make_segment(*[1] * length, beam_size=beam_size) for length, beam_size in group]
        try:
            entry_ids = self.scheduler.submit(segments, priority, deadline_s, standing=standing)
        except EngineOverloadedError:
            assert self.there.keys() - self.running, "an empty queue takes everything"
            assert standing is Standing.NEW
            return
        assert not self.there.keys() & set(entry_ids)
        self.there.update((entry_id, length) for entry_id, (length, _) in zip(entry_ids, group, strict=True))

    @rule(rows=st.integers(0, 6))
    def take(self, rows: int) -> None:
        entries = self.scheduler.take(lambda beam_size: rows // beam_size)
        assert sum(entry.segment.beam_size for entry in entries) <= rows
        assert len({entry.segment.beam_size for entry in entries}) <= 1
        entry_ids = {entry.entry_id for entry in entries}
        assert entry_ids <= self.there.keys() - self.running
        self.running |= entry_ids

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        entry_id = data.draw(st.sampled_from(sorted(self.there)))
        assert (self.scheduler.finish(entry_id) is not None) == (entry_id in self.running)
        if entry_id in self.running:
            self.running.remove(entry_id)
            del self.there[entry_id]

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        entry_ids = data.draw(st.lists(st.sampled_from(sorted(self.there)), unique=True))
        assert [entry.entry_id for entry in self.scheduler.remove(entry_ids)] == entry_ids
        self._gone(set(entry_ids))

    @precondition(lambda self: self.there)
    @rule(data=st.data(), priority=priorities, deadline_s=deadlines)
    def widen(self, data: st.DataObject, priority: Priority, deadline_s: float | None) -> None:
        assert self.scheduler.widen(data.draw(st.sampled_from(sorted(self.there))), priority, deadline_s)

    @rule(passed_s=st.integers(0, 4))
    def expire(self, passed_s: int) -> None:
        self.clock.now_s += passed_s
        expired = self.scheduler.expire()
        assert all(entry.expires_s is not None and entry.expires_s <= self.clock.now_s for entry in expired)
        self._gone({entry.entry_id for entry in expired})

    @invariant()
    def counts_are_those_of_what_is_there(self) -> None:
        waiting = self.there.keys() - self.running
        assert (self.scheduler.running, self.scheduler.queued) == (len(self.running), len(waiting))
        assert waiting_tokens(self.scheduler) == sum(self.there[entry_id] for entry_id in waiting)

    def teardown(self) -> None:
        assert {entry.entry_id for entry in self.scheduler.clear()} == self.there.keys()
        assert (self.scheduler.running, self.scheduler.queued, waiting_tokens(self.scheduler)) == (0, 0, 0)

    def _gone(self, entry_ids: set[int]) -> None:
        assert entry_ids <= self.there.keys()
        self.running -= entry_ids
        self.there = {entry_id: tokens for entry_id, tokens in self.there.items() if entry_id not in entry_ids}


TestSchedulerMachine = SchedulerMachine.TestCase
TestSchedulerMachine.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
