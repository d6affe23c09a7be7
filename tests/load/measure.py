"""`make load`: what the service does under load, on this machine, with the bundle that ships.

1. The most that it does: 64 callers without pause.
2. Shares of that as a Poisson process: p50, p97, p99; the highest within a bound; the bound at which 0.8 is kept.
3. Three times that: how much is still answered, and how fast the rest is refused.
4. 0.7 of that for long: memory.

Every text differs and the cache is off. The end is one line of JSON. It has no fraction of the machine's limit, since
the driver has a part of the same cores: benchmarks/http_share.py has one, through HTTP as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from model_store.store import shipped_bundles
from service.memory import keep_for_good
from tests.integration.service.server import served
from tests.load import figures, mix
from tests.load.open_loop import Driver, Outcome

OVERLOAD = 3.0
SOAK_SHARE = 0.7
# Of the overload and of the soak the beginning is left out: queues fill, caches and arenas of memory too.
WARM_UP = 0.25
SAMPLE_S = 5.0
SHARES = [0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0]


@dataclass(frozen=True)
class Most:
    """What one server does at most: requests, and the target tokens of their answers."""

    per_s: float
    target_tokens_per_s: float


class Load:
    """Measures one running server. Seconds are those of each point."""

    def __init__(self, url: str, pair: tuple[str, str], seconds: float, callers: int) -> None:
        self._callers = callers
        self._url = url
        self._pair = pair
        self._seconds = seconds
        self._seed = 0

    async def most(self) -> Most:
        """When there are always others waiting."""
        with closing(Driver(self._url, self._pair)) as driver:
            first = await driver.closed(self._texts(2 * self._callers), self._callers)
            estimate = len(first) / max(each.done_s for each in first)
            count = max(int(estimate * self._seconds), 2 * self._callers)
            outcomes = await driver.closed(self._texts(count), self._callers)
        end_s = max(each.due_s for each in outcomes)  # from then on callers run out of texts
        window = (WARM_UP * end_s, end_s)
        return Most(figures.answered_per_s(outcomes, *window), figures.target_tokens_per_s(outcomes, *window))

    async def point(self, share: float, most_per_s: float) -> figures.Point:
        """That share of the most."""
        outcomes = await self._poisson(share * most_per_s, self._seconds)
        return figures.point(outcomes, share * most_per_s, most_per_s)

    async def overload(self, most: Most, timeout_s: float) -> dict[str, object]:
        """More than can be done, by requests that are of no use after `timeout_s`."""
        per_s = OVERLOAD * most.per_s
        outcomes = await self._poisson(per_s, self._seconds, {"timeout_s": timeout_s})
        refusals = [each.latency_s for each in outcomes if each.status == 429]
        window = (WARM_UP * self._seconds, self._seconds)
        answered = figures.answered_per_s(outcomes, *window)
        tokens_per_s = figures.target_tokens_per_s(outcomes, *window)
        return {
            **asdict(figures.point(outcomes, per_s, most.per_s)),
            "timeout_s": timeout_s,
            "answered_per_s": round(answered, 3),
            "answered_of_most": round(answered / most.per_s, 3),
            "target_tokens_of_most": round(tokens_per_s / most.target_tokens_per_s, 3),
            "refusal_p50_s": figures.percentile(refusals, 50),
            "refusal_p99_s": figures.percentile(refusals, 99),
        }

    async def soak(self, most_per_s: float, seconds: float) -> dict[str, object]:
        """A steady load, and the memory of the service's processes meanwhile."""
        samples: list[tuple[float, float]] = []
        clock = asyncio.get_running_loop().time
        started = clock()

        async def sample() -> None:
            samples.append((clock() - started, await self._metric("verso_memory_bytes")))

        async def keep_sampling() -> None:
            while True:
                await asyncio.sleep(min(SAMPLE_S, seconds / 20))
                await sample()

        await sample()
        sampling = asyncio.create_task(keep_sampling())
        outcomes = await self._poisson(SOAK_SHARE * most_per_s, seconds)
        sampling.cancel()
        await asyncio.wait({sampling})
        await sample()
        warm = [each for each in samples if each[0] >= WARM_UP * seconds]
        warm = warm if len(warm) > 1 else samples
        growth_mb_per_s = figures.growth_per_s(warm) / 1e6
        answered_per_s = figures.answered_per_s(outcomes, warm[0][0], warm[-1][0])
        return {
            **asdict(figures.point(outcomes, SOAK_SHARE * most_per_s, most_per_s)),
            "seconds": seconds,
            "memory_first_mb": round(warm[0][1] / 1e6, 1),
            "memory_last_mb": round(warm[-1][1] / 1e6, 1),
            "memory_max_mb": round(max(value for _second, value in samples) / 1e6, 1),
            "growth_mb_per_hour": round(growth_mb_per_s * 3600, 2),
            "growth_mb_per_1000_answers": round(growth_mb_per_s / answered_per_s * 1000, 3) if answered_per_s else None,
        }

    async def _poisson(self, per_s: float, seconds: float, extra: dict[str, object] | None = None) -> list[Outcome]:
        texts = self._texts(max(int(per_s * seconds), 1))
        with closing(Driver(self._url, self._pair, extra)) as driver:
            return await driver.poisson(texts, per_s, self._seed)

    async def _metric(self, name: str) -> float:
        """The sum over whatever it is labelled with."""
        async with httpx.AsyncClient(base_url=self._url, timeout=60) as client:
            text = (await client.get("/metrics")).text
        return sum(s.value for f in text_string_to_metric_families(text) for s in f.samples if s.name == name)

    def _texts(self, count: int) -> list[str]:
        self._seed += 1
        return mix.texts(count, self._seed)


async def measure(load: Load, arguments: argparse.Namespace) -> dict[str, object]:
    """Everything, in turn."""
    at_most = await load.most()
    most = at_most.per_s
    _say(f"at most {most:.2f} requests, {at_most.target_tokens_per_s:.0f} target tokens a second")
    points = []
    for share in arguments.shares:
        points.append(await load.point(share, most))
        _say(f"{share:g} of it: {points[-1]}")
    within = figures.highest_within(points, arguments.p97)
    steady = next((each for each in points if each.share >= 0.8), None)
    result: dict[str, object] = {
        "most_per_s": round(most, 3),
        "target_tokens_per_s": round(at_most.target_tokens_per_s, 1),
        "points": [asdict(each) for each in points],
        "p97_bound_s": arguments.p97,
        "highest_within": within and asdict(within),
        "bound_at_0.8_s": steady and figures.bound_for(steady),
        "overload": await load.overload(at_most, arguments.timeout),
    }
    _say(f"overload: {result['overload']}")
    if arguments.soak:
        result["soak"] = await load.soak(most, arguments.soak)
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a server, load it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=shipped_bundles(), help="store of bundles")
    parser.add_argument("--pair", default="en-ru")
    parser.add_argument("--threads", default="1", help="VERSO_THREADS of the server")
    parser.add_argument("--processes", default="0", help="VERSO_DECODER_PROCESSES of the server")
    parser.add_argument("--callers", type=int, default=64, help="who ask without pause")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each point")
    parser.add_argument("--shares", type=lambda text: [float(each) for each in text.split(",") if each], default=SHARES)
    parser.add_argument("--p97", type=float, default=0.25, help="bound, in seconds; twice that for p99")
    parser.add_argument("--timeout", type=float, default=5.0, help="timeout_s of the requests of the overload")
    parser.add_argument("--soak", type=float, default=1800.0, help="seconds; 0 for none")
    given = parser.parse_args(arguments)
    source, _, target = given.pair.partition("-")
    settings = {"THREADS": given.threads, "DECODER_PROCESSES": given.processes}
    with served(given.models, CACHE_ENTRIES="0", LOG_LEVEL="warning", **settings) as server:
        load = Load(server.url, (source, target), given.seconds, given.callers)
        keep_for_good()  # or what is measured are pauses of this process
        result = asyncio.run(measure(load, given))
    told = {"threads": given.threads, "processes": given.processes, "seconds": given.seconds}
    print(json.dumps({"load_average": os.getloadavg()} | told | result))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
