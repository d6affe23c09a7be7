"""Random arrivals, cancellations, deadlines and failures: every accepted group ends once, with its own answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter

import pytest

from model_store.decoding.segment import Segment
from service.engine.engine import Engine, EngineSettings
from service.engine.segment import Priority
from service.errors import (
    EngineDeadlineError,
    EngineError,
    EngineFailedError,
    EngineOverloadedError,
    EngineUnavailableError,
)
from tests.unit.service.engine.fakes import (
    BOMB,
    POISON,
    FakeClock,
    FakeFactory,
    RecordingObserver,
    answer,
    make_segment,
)

PATIENCE_S = 60.0
SMALL = EngineSettings(max_queued_segments=40, max_queued_tokens=200, cache_entries=20)


class Crowd:
    """Callers that behave at random, and the count of how their groups ended."""

    def __init__(self, engine: Engine, clock: FakeClock) -> None:
        self.engine = engine
        self.clock = clock
        self.ends: Counter[str] = Counter()
        self.accepted_segments = 0

    async def caller(self, draw: random.Random, groups: int) -> None:
        """One caller: a group after the other, one in four cancelled on the way."""
        for _ in range(groups):
            segments = _group(draw)
            task = asyncio.create_task(self._submit(segments, draw))
            if draw.random() < 0.25:
                for _ in range(draw.randint(0, 5)):
                    await asyncio.sleep(0)
                task.cancel()
            if draw.random() < 0.05:
                self.clock.now_s += 6
            with contextlib.suppress(asyncio.CancelledError):
                await task
            for _ in range(draw.randint(0, 3)):
                await asyncio.sleep(0)

    async def _submit(self, segments: list[Segment], draw: random.Random) -> None:
        self.accepted_segments += len(segments)
        try:
            results = await self.engine.submit_all(
                segments, priority=draw.choice(list(Priority)), deadline_s=draw.choice([None, None, 5.0])
            )
        except EngineOverloadedError:
            self.accepted_segments -= len(segments)
            self.ends["overloaded"] += 1
        except asyncio.CancelledError:
            self.ends["cancelled"] += 1
            raise
        except (EngineFailedError, EngineDeadlineError) as error:
            self.ends[type(error).__name__] += 1
        else:
            assert [result.hypotheses[0].tokens for result in results] == [answer(segment) for segment in segments]
            self.ends["answered"] += 1


def _group(draw: random.Random) -> list[Segment]:
    segments = [
        make_segment(
            *(draw.randrange(6) for _ in range(draw.randint(1, 4))),
            steps=draw.randint(1, 4),
            beam_size=draw.choice([1, 1, 2, 4]),
        )
        for _ in range(draw.randint(1, 8))
    ]
    if draw.random() < 0.05:
        segments[0] = make_segment(draw.choice([BOMB, POISON]), draw.randrange(1000))
    return segments


async def crowd(seed: int, callers: int, groups: int) -> Counter[str]:
    """Run a crowd; returns how its groups ended, after checking that nothing was lost and nothing is left."""
    factory, observer, clock = FakeFactory(rows=6), RecordingObserver(), FakeClock()
    engine = Engine(factory, SMALL, observer, clock)
    engine.start()
    crowd = Crowd(engine, clock)
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(crowd.caller(random.Random(f"{seed} {index}"), groups) for index in range(callers)))
        # What was cancelled has left its slots before anything later is decoded.
        last = make_segment(123, 45)
        assert (await engine.submit_all([last]))[0].hypotheses[0].tokens == answer(last)
        assert await engine.drain(PATIENCE_S)
    health = engine.health()
    engine.close()
    assert (health.queued, health.live, factory.decoder.live) == (0, 0, 0)
    assert health.restarts == observer.restarts == len(factory.decoders) - 1
    assert len(observer.reports) == crowd.accepted_segments + 1
    return crowd.ends


# Seeds rather than hypothesis: how threads interleave is not its to repeat, so it could neither replay nor shrink.
@pytest.mark.parametrize("seed", range(15))
def test_every_accepted_group_ends_once_with_its_own_answers(seed: int) -> None:
    ends = asyncio.run(crowd(seed, callers=12, groups=8))
    assert ends["answered"] > 0


def test_the_crowd_meets_every_kind_of_end() -> None:
    ends = asyncio.run(crowd(seed=7, callers=40, groups=25))
    for kind in ("answered", "cancelled", "overloaded", "EngineFailedError", "EngineDeadlineError"):
        assert ends[kind] > 0, ends


@pytest.mark.parametrize("seed", range(3))
def test_closing_amid_the_crowd_loses_nobody(seed: int) -> None:
    async def run() -> None:
        engine = Engine(FakeFactory(rows=6), EngineSettings())
        engine.start()
        draw = random.Random(seed)
        # The last ones would never end, so however fast the machine is, closing comes amid the crowd.
        steps = [draw.randint(1, 50) if index < 250 else 10**9 for index in range(300)]
        segments = [make_segment(index, index + 1, steps=steps[index]) for index in range(300)]
        tasks = [asyncio.create_task(engine.submit_all([segment])) for segment in segments]
        with contextlib.suppress(EngineError):
            await tasks[seed * 40]
        engine.close()
        async with asyncio.timeout(PATIENCE_S):
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for segment, end in zip(segments, ends, strict=True):
            if isinstance(end, BaseException):
                assert isinstance(end, EngineUnavailableError)
            else:
                assert end[0].hypotheses[0].tokens == answer(segment)
        assert any(isinstance(end, EngineError) for end in ends)

    asyncio.run(run())
