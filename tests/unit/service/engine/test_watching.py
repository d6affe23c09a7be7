"""What is settled of segments is told while they run, in order, and the whole of it at the end."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from tests.unit.service.engine.engine_rig import gated
from tests.unit.service.engine.fakes import answer, make_segment

pytestmark = pytest.mark.anyio

Told = dict[int, list[tuple[tuple[int, ...], bool]]]


async def test_each_segment_is_told_of_as_it_grows_and_then_as_a_whole() -> None:
    told: Told = defaultdict(list)
    segments = [make_segment(1, 2, 3, steps=4), make_segment(4, 5, 6, steps=3), make_segment(7, steps=1)]
    async with gated(rows=2) as rig:
        rig.go()
        await rig.engine.submit_all(segments, watch=lambda index, tokens, whole: told[index].append((tokens, whole)))
        for index, segment in enumerate(segments):
            whole = answer(segment)
            sizes = [len(tokens) for tokens, _whole in told[index]]
            assert all(tokens == whole[: len(tokens)] for tokens, _whole in told[index])
            assert sizes == sorted(sizes)
            assert [end for _tokens, end in told[index]] == [False] * (len(sizes) - 1) + [True]
            assert told[index][-1][0] == whole
        assert len(told[0]) == 4
        again: Told = defaultdict(list)
        await rig.engine.submit_all(segments, watch=lambda index, tokens, whole: again[index].append((tokens, whole)))
        assert again == {index: [(answer(segment), True)] for index, segment in enumerate(segments)}


async def test_who_joins_a_segment_in_flight_is_told_of_the_rest_and_who_does_not_watch_is_not() -> None:
    segment = make_segment(1, 2, 3, 4, steps=4)
    told: Told = defaultdict(list)
    async with gated() as rig:
        first = rig.submit(segment)
        await rig.stepping()
        second = asyncio.create_task(
            rig.engine.submit_all([segment], watch=lambda index, tokens, whole: told[index].append((tokens, whole)))
        )
        await asyncio.sleep(0)
        rig.go()
        assert (await first)[0].hypotheses == (await second)[0].hypotheses
        assert told[0][-1] == (answer(segment), True)
        assert len(told[0]) == 4


async def test_a_watcher_that_fails_harms_nobody() -> None:
    def fail(*_news: object) -> None:
        raise BrokenPipeError("nobody reads")

    segments = [make_segment(1, 2, 3, steps=3), make_segment(4, steps=2)]
    async with gated(rows=2) as rig:
        rig.go()
        both = asyncio.gather(rig.engine.submit_all(segments, watch=fail), rig.engine.submit_all(segments))
        for results in await both:
            assert [result.hypotheses[0].tokens for result in results] == [answer(segment) for segment in segments]


async def test_who_has_left_is_told_nothing_more() -> None:
    told: list[object] = []
    async with gated() as rig:
        waiting = asyncio.create_task(
            rig.engine.submit_all([make_segment(1, 2, steps=9)], watch=lambda *news: told.append(news))
        )
        await rig.stepping()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        rig.go()
        await rig.engine.submit_all([make_segment(3)])
        assert told == []
