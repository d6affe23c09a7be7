"""The engine over the real decoder and a tiny network: what is decoded under load is what is decoded alone."""

from __future__ import annotations

import asyncio
import gc
import random
import weakref
from collections.abc import Iterator, Sequence

import pytest
import torch

from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import SegmentError
from service.engine.engine import Engine, EngineSettings
from service.engine.segment import SegmentResult
from service.errors import EngineFailedError
from tests.unit.model_store.decoding.networks import EOS, open_tiny, tiny_network

PATIENCE_S = 60.0


def random_segments(count: int, seed: int) -> list[Segment]:
    draw = random.Random(seed)
    segments = []
    for _ in range(count):
        beam_size = draw.randint(1, 4)
        source = (*(draw.randrange(4, 24) for _ in range(draw.randint(1, 10))), EOS)
        segments.append(
            Segment(source, draw.randint(1, 16), beam_size, draw.randint(1, beam_size), draw.choice([0, 1]))
        )
    return segments


class Rig:
    """A running engine without a cache, and the decoder in it."""

    def __init__(self) -> None:
        self.decoders: list[InFlightDecoder] = []
        self.engine = Engine(self._open, EngineSettings(cache_entries=0))

    def _open(self) -> InFlightDecoder:
        self.decoders.append(open_tiny(tiny_network(dtype=torch.float32), max_rows=24))
        return self.decoders[-1]


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    rig.engine.start()
    yield rig
    rig.engine.close()


def what(results: Sequence[SegmentResult]) -> list[tuple[Hypothesis, ...]]:
    return [result.hypotheses for result in results]


def test_fifty_callers_at_once_get_what_each_gets_alone(rig: Rig) -> None:
    segments = random_segments(150, seed=1)
    groups = [segments[start : start + 3] for start in range(0, len(segments), 3)]

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            together = await asyncio.gather(*(rig.engine.submit_all(group) for group in groups))
            alone = [await rig.engine.submit_all([segment]) for segment in segments]
        assert [one for results in together for one in what(results)] == [what(results)[0] for results in alone]

    asyncio.run(run())
    assert rig.decoders[0].live == 0
    assert rig.engine.health().healthy


def test_callers_that_go_away_change_nothing_for_the_others(rig: Rig) -> None:
    segments = list(dict.fromkeys(random_segments(60, seed=2)))

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            alone = [what(await rig.engine.submit_all([segment]))[0] for segment in segments]
            tasks = [asyncio.create_task(rig.engine.submit_all([segment])) for segment in segments]
            await tasks[0]
            for task in tasks[1::3]:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert await rig.engine.drain(PATIENCE_S)
        for expected, end in zip(alone, ends, strict=True):
            if isinstance(end, BaseException):
                assert isinstance(end, asyncio.CancelledError)
            else:
                assert what(end) == [expected]

    asyncio.run(run())


def test_key_after_key_a_prefix_is_continued_and_told_as_from_the_start(rig: Rig) -> None:
    """Beside others; every third key is typed before the answer to the one before it is there, which is given up."""
    typed = "\u2581ab!\u2581ba?\u2581a1\u2581b".encode()
    keys = [
        Segment((4, 5, 6, 7, 8, EOS), 16, n_best=4, prefix=typed[:end])
        for end in range(4, len(typed) + 1)
        for _ in "12"
    ]
    told: list[tuple[int, ...]] = []

    async def run() -> list[SegmentResult]:
        others = [asyncio.create_task(rig.engine.submit_all([each])) for each in random_segments(40, seed=3)]
        found = []
        for number, key in enumerate(keys):
            told.clear()
            asked = asyncio.create_task(
                rig.engine.submit_all([key], watch=lambda _index, tokens, _whole: told.append(tokens))
            )
            if number % 3 == 1:
                await asyncio.sleep(0.003)
                asked.cancel()
                continue
            (result,) = await asked
            assert result.hypotheses == what_alone(key)
            best = result.hypotheses[0].tokens
            assert told == sorted(told, key=len)
            assert all(best[: len(tokens)] == tokens for tokens in told)
            found.append(result)
        await asyncio.gather(*others)
        return found

    async def patiently() -> list[SegmentResult]:
        async with asyncio.timeout(PATIENCE_S):
            return await run()

    *_before, last = asyncio.run(patiently())
    assert rig.decoders[0].continued > len(typed)
    assert last.timings.steps < len(last.hypotheses[0].tokens)
    assert 0 < last.timings.first_step_s <= last.timings.queue_s + last.timings.decode_s


def what_alone(segment: Segment) -> tuple[Hypothesis, ...]:
    ((_index, hypotheses),) = decode(open_tiny(tiny_network(dtype=torch.float32)), [segment])
    return hypotheses


def test_what_the_decoder_cannot_take_is_refused_by_name(rig: Rig) -> None:
    async def run() -> None:
        for segment, message in (
            (Segment((5,) * 13, 4), "source: 13 is too large"),
            (Segment((5, EOS), 4, beam_size=17), "beam_size: 17 is too large"),
            (Segment((5, EOS), 17), "max_length: 17 is too large"),
            (Segment((99, EOS), 4), "source: ids"),
        ):
            with pytest.raises(SegmentError, match=message):
                await rig.engine.submit_all([Segment((5, EOS), 4), segment])

    asyncio.run(run())
    assert rig.engine.health().restarts == 0


def test_a_closed_engine_lets_go_of_its_decoder_at_once(rig: Rig) -> None:
    async def run() -> None:
        await rig.engine.submit_all([Segment((5, EOS), 4)])

    asyncio.run(run())
    decoder = weakref.ref(rig.decoders.pop())
    gc.disable()
    try:
        rig.engine.close()
        assert decoder() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("want_search", [False, True])
def test_a_search_that_finds_nothing_fails_alone(rig: Rig, want_search: bool) -> None:
    """No token of the tiny vocabulary begins the prefix; those that end with it, and those beside it, have results."""
    lost = Segment((7, 9, EOS), max_length=5, prefix=b"Z", want_search=want_search)
    good = [Segment((8, 9, EOS), max_length=length) for length in (1, 2, 6)]

    async def both() -> list[list[SegmentResult] | BaseException]:
        asked = [rig.engine.submit_all([segment]) for segment in (lost, *good, lost)]
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.gather(*asked, return_exceptions=True)

    first, *others, last = asyncio.run(both())
    for each in (first, last):
        assert isinstance(each, EngineFailedError)
        assert "found nothing" in str(each)
    alone = dict(decode(open_tiny(tiny_network(dtype=torch.float32), max_rows=24), good))
    assert [what(each) for each in others if isinstance(each, list)] == [[alone[number]] for number in range(3)]
