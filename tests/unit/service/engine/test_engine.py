"""The async face: order, sharing, cache, refusals."""

from __future__ import annotations

import asyncio

import pytest

from model_store.errors import ConfigError, SegmentError
from service.engine.engine import Engine, EngineSettings
from service.engine.segment import NO_TIMINGS, Priority, SegmentResult
from service.engine.waiting import GroupSize
from service.errors import (
    EngineOverloadedError,
)
from tests.unit.service.engine.engine_rig import gated, targets
from tests.unit.service.engine.fakes import (
    MAX_SOURCE_LENGTH,
    FakeFactory,
    answer,
    make_segment,
)

pytestmark = pytest.mark.anyio

LEAST = GroupSize(1, 1, 1)


async def test_results_come_in_the_order_of_the_segments() -> None:
    async with gated() as rig:
        rig.go()
        segments = [make_segment(index, index + 1, steps=1 + 7 * index % 5) for index in range(12)]
        results = await rig.engine.submit_all(segments)
        assert targets(results) == [answer(segment) for segment in segments]
        assert [result.timings.steps for result in results] == [segment.max_length for segment in segments]
        assert rig.observer.outcomes == ["decoded"] * 12
        assert await rig.engine.submit_all([]) == []


async def test_equal_segments_in_flight_are_decoded_once() -> None:
    async with gated() as rig:
        one, two = make_segment(1), make_segment(2)
        first = rig.submit(one, two, one)
        await rig.stepping()
        second = rig.submit(two, make_segment(3))
        await asyncio.sleep(0)
        rig.go()
        assert targets(await first) == [(1,), (2,), (1,)]
        assert [result.source for result in await first] == ["decoded", "decoded", "shared"]
        assert [result.source for result in await second] == ["shared", "decoded"]
        assert sorted(s.source for batch in rig.factory.decoder.admitted for s in batch) == [(1,), (2,), (3,)]
        assert sorted(rig.observer.outcomes) == ["decoded"] * 3 + ["shared"] * 2


async def test_known_results_come_from_the_cache() -> None:
    async with gated() as rig:
        rig.go()
        [decoded] = await rig.engine.submit_all([make_segment(1)])
        known, new = await rig.engine.submit_all([make_segment(1), make_segment(2)])
        assert known == SegmentResult(decoded.hypotheses, NO_TIMINGS, "cache")
        assert new.source == "decoded"
        assert (await rig.engine.submit_all([make_segment(2)]))[0].source == "cache"
        assert rig.observer.outcomes == ["decoded", "cache", "decoded", "cache"]


async def test_without_a_cache_everything_is_decoded_again() -> None:
    async with gated(EngineSettings(cache_entries=0)) as rig:
        rig.go()
        assert [(await rig.engine.submit_all([make_segment(1)]))[0].source for _ in range(2)] == ["decoded"] * 2


async def test_a_full_queue_refuses_the_whole_group_and_says_when_to_come_back() -> None:
    async with gated(EngineSettings(max_queued_segments=4)) as rig:
        tasks = [rig.submit(make_segment(1), make_segment(2))]
        await rig.stepping()
        tasks.append(rig.submit(make_segment(3), make_segment(4), make_segment(5)))
        await asyncio.sleep(0)
        with pytest.raises(EngineOverloadedError) as refused:
            await rig.engine.submit_all([make_segment(6), make_segment(7)])
        assert refused.value.retry_after_s >= 1
        assert rig.observer.rejections == [("overloaded", 2)]
        assert rig.engine.health().queued == 3
        rig.engine.refuse_if_full(5, LEAST, priority=Priority.INTERACTIVE)  # one more would fit
        tasks.append(rig.submit(make_segment(1), make_segment(3), make_segment(6)))  # two of them fly already
        await asyncio.sleep(0)
        with pytest.raises(EngineOverloadedError, match="no room for 1 with 1"):
            rig.engine.refuse_if_full(5, LEAST, priority=Priority.INTERACTIVE)
        rig.engine.refuse_if_full(5, LEAST, priority=Priority.BULK)
        assert rig.observer.rejections == [("overloaded", 2), ("overloaded", 5)]
        rig.go()
        assert [targets(results) for results in await asyncio.gather(*tasks)] == [
            [(1,), (2,)],
            [(3,), (4,), (5,)],
            [(1,), (3,), (6,)],
        ]


async def test_a_text_longer_than_the_whole_queue_is_served() -> None:
    async with gated(EngineSettings(max_queued_segments=2, max_queued_tokens=3)) as rig:
        rig.go()
        segments = [make_segment(index, 7) for index in range(30)]
        assert targets(await rig.engine.submit_all(segments)) == [answer(segment) for segment in segments]


async def test_what_the_decoder_cannot_take_is_refused_before_anything_is_queued() -> None:
    async with gated() as rig:
        with pytest.raises(SegmentError, match="source: 51 is too large"):
            await rig.engine.submit_all([make_segment(1), make_segment(*[1] * (MAX_SOURCE_LENGTH + 1))])
        assert rig.observer.rejections == [("invalid", 2)]
        assert rig.engine.health().queued == 0


async def test_interactive_callers_go_before_bulk() -> None:
    async with gated(rows=1) as rig:
        running = rig.submit(make_segment(1))
        await rig.stepping()
        bulk = asyncio.create_task(rig.engine.submit_all([make_segment(2)], priority=Priority.BULK))
        await asyncio.sleep(0)
        interactive = rig.submit(make_segment(3))
        await asyncio.sleep(0)
        rig.go()
        await asyncio.gather(running, bulk, interactive)
        assert [s.source for batch in rig.factory.decoder.admitted for s in batch] == [(1,), (3,), (2,)]


def test_one_event_loop_after_the_other_is_served() -> None:
    engine = Engine(FakeFactory(), EngineSettings(cache_entries=0))
    engine.start()
    for _ in range(2):
        assert targets(asyncio.run(engine.submit_all([make_segment(1, 2)]))) == [(2, 1)]
    engine.close()


@pytest.mark.parametrize("setting", ["max_queued_segments", "max_queued_tokens", "unhealthy_after_failures"])
def test_settings_out_of_range_are_named(setting: str) -> None:
    with pytest.raises(ConfigError, match=f"{setting}: 0 is too small; allowed: 1 and more"):
        EngineSettings(**{setting: 0})
    with pytest.raises(ConfigError, match="cache_entries: -1 is too small; allowed: 0 and more"):
        EngineSettings(cache_entries=-1)
