"""The measuring itself: figures by hand, a driver that hides nothing, and the whole on a small bundle."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.service.bundles import random_bundle
from tests.load import figures, mix
from tests.load.measure import main
from tests.load.open_loop import Driver, Outcome

BODY = b'{"usage": {"target_tokens": 3}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def outcomes(*latencies: float, status: int = 200) -> list[Outcome]:
    return [Outcome(float(index), 0.0, latency, status) for index, latency in enumerate(latencies)]


def test_percentiles_and_bounds() -> None:
    hundred = outcomes(*(0.001 * number for number in range(1, 101)))
    point = figures.point(hundred, 8.0, 10.0)
    assert (point.share, point.p50_s, point.p97_s, point.p99_s) == (0.8, 0.05, 0.097, 0.099)
    assert figures.keeps(point, 0.097)
    assert not figures.keeps(point, 0.096)
    assert figures.bound_for(point) == 0.097
    slow_tail = figures.point([*hundred[:98], *outcomes(1.0, 1.0)], 8.0, 10.0)
    assert not figures.keeps(slow_tail, 0.25), "p99 is beyond twice the bound"
    assert figures.bound_for(slow_tail) == 0.5
    late = [Outcome(0.0, 0.0, 5.0, 504, "too late"), Outcome(0.0, 0.0, 0.1, 0, "reset")]
    assert figures.point([*hundred, *late], 8.0, 10.0).failed == {"504 too late": 1, "0 reset": 1}
    refused = figures.point([*hundred, *outcomes(0.01, status=429)], 8.0, 10.0)
    assert refused.failed == {}
    assert not figures.keeps(refused, 10.0), "not everything was answered"
    assert refused.p97_s == point.p97_s
    assert math.isinf(figures.bound_for(refused))
    assert math.isinf(figures.point([], 1.0, 1.0).p97_s)


def test_the_highest_load_is_that_below_which_none_misses_the_bound() -> None:
    points = [figures.point(outcomes(latency), rate, 10.0) for rate, latency in ((1, 0.1), (2, 0.3), (3, 0.2))]
    best = figures.highest_within(points, 0.25)
    assert best is not None
    assert best.offered_per_s == 1
    assert figures.highest_within(points, 0.3) == points[2]
    assert figures.highest_within(points, 0.05) is None


def test_rates_and_growth() -> None:
    assert figures.answered_per_s([*outcomes(0.5, 0.5, 0.5, 9.0), *outcomes(0.1, status=429)], 1.0, 3.0) == 1.0
    answered = [Outcome(second, 0.0, 0.5, 200, target_tokens=10) for second in (0.0, 1.0, 2.0)]
    assert figures.target_tokens_per_s([*answered, Outcome(1.0, 0.0, 0.5, 504)], 1.0, 3.0) == 10.0
    assert figures.growth_per_s([(0.0, 5.0), (1.0, 7.0), (2.0, 9.0)]) == pytest.approx(2.0)


def test_texts_are_the_same_every_time_and_no_two_alike() -> None:
    assert mix.texts(500, 1) == mix.texts(500, 1) != mix.texts(500, 2)
    assert len(set(mix.texts(500, 1))) > 495


def test_a_server_that_stalls_does_not_slow_the_arrivals_down() -> None:
    """It answers nothing for half a second: who was due meanwhile waited from when he was due, and all came in time."""

    async def run() -> list[Outcome]:
        stall_until = asyncio.get_running_loop().time() + 0.5

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await reader.readline():
                length = 0
                while head not in (b"\r\n", b""):
                    if head.lower().startswith(b"content-length:"):
                        length = int(head.split(b":")[1])
                    head = await reader.readline()
                await reader.readexactly(length)
                await asyncio.sleep(stall_until - asyncio.get_running_loop().time())
                writer.write(ANSWER)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with closing(Driver(f"http://127.0.0.1:{port}", ("en", "ru"))) as driver:
                found = await driver.poisson(mix.texts(200, 1), 200.0, 1)
            await asyncio.sleep(0.05)
            return found

    found = asyncio.run(run())
    assert {(each.status, each.target_tokens) for each in found} == {(200, 3)}
    waited = [each for each in found if each.due_s < 0.4]
    assert len(waited) > 40, "they were sent while nobody was answered"
    assert all(each.done_s >= 0.49 for each in waited)
    assert found[-1].due_s == pytest.approx(1.0, rel=0.3)


def test_everything_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random_bundle(tmp_path)
    main(["--models", str(tmp_path), "--callers=4", "--seconds=1", "--shares=0.3,0.8", "--p97=60", "--soak=1"])
    result = json.loads(capsys.readouterr().out)
    assert result["most_per_s"] > 0
    assert result["target_tokens_per_s"] > result["most_per_s"]
    assert [each["share"] for each in result["points"]] == [0.3, 0.8]
    assert result["highest_within"] == result["points"][1]
    assert 0 < result["bound_at_0.8_s"] < 60
    overload = result["overload"]
    assert overload["requests"] == pytest.approx(3 * result["most_per_s"], abs=1)
    assert sum(overload["statuses"].values()) == overload["requests"]
    assert result["soak"]["memory_max_mb"] >= result["soak"]["memory_last_mb"] > 50
