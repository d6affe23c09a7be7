"""Requests that arrive whether or not the ones before were answered, as those of many people who know nothing of each
other do: a Poisson process.

locust, like most tools, has users that wait for an answer before they ask again: a server that is slow is then asked
less, and looks better than it is. Here a request's latency runs from the moment at which it was due, so that neither a
slow server nor a slow driver hides anything.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.load.client import Connection, NotAnswered


@dataclass(frozen=True)
class Outcome:
    """One request. due_s: since the first was. late_s: how much later the driver sent it. latency_s: from when it was
    due to the end of its answer. status: 0 if there was none. why: what was said instead of a translation, whose tokens
    target_tokens are."""

    due_s: float
    late_s: float
    latency_s: float
    status: int
    why: str = ""
    target_tokens: int = 0

    @property
    def done_s(self) -> float:
        """When its answer was there, since the first was due."""
        return self.due_s + self.latency_s


class Driver:
    """Sends each request on a connection that is free, or on a new one. extra: fields of every body."""

    def __init__(self, url: str, pair: tuple[str, str], extra: dict[str, object] | None = None) -> None:
        address = urlsplit(url)
        self._address = address.hostname or "", address.port or 0
        self._fields = {"source": pair[0], "target": pair[1], **(extra or {})}
        self._free: list[Connection] = []
        self._number = 0

    async def poisson(self, texts: Sequence[str], per_s: float, seed: int) -> list[Outcome]:
        """The texts arrive at that rate; returns when the last is answered."""
        draw, clock = random.Random(seed), asyncio.get_running_loop().time
        started, due_s = clock(), 0.0
        asking = []
        for text in texts:
            await asyncio.sleep(started + due_s - clock())
            asking.append(asyncio.create_task(self._ask(text, started, due_s)))
            due_s += draw.expovariate(per_s)
        return list(await asyncio.gather(*asking))

    async def closed(self, texts: Sequence[str], callers: int) -> list[Outcome]:
        """So many callers, each of whom asks again as soon as it is answered: as fast as the server can."""
        started, left = asyncio.get_running_loop().time(), iter(texts)

        async def caller() -> list[Outcome]:
            clock = asyncio.get_running_loop().time
            return [await self._ask(text, started, clock() - started) for text in left]

        return [outcome for each in await asyncio.gather(*(caller() for _ in range(callers))) for outcome in each]

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in self._free:
            connection.abort()
        self._free.clear()

    async def _ask(self, text: str, started: float, due_s: float) -> Outcome:
        clock = asyncio.get_running_loop().time
        connection = self._free.pop() if self._free else Connection(*self._address)
        self._number += 1
        sent = clock()
        status, why, tokens = 0, "", 0
        try:
            answer = await connection.post("/v1/translate", {**self._fields, "text": text}, f"load-{self._number}")
            status = answer.status
            if status == 200:
                tokens = answer.body["usage"]["target_tokens"]
            else:
                why = answer.body["error"]["message"]
        except NotAnswered as error:
            why = str(error)
        finally:
            self._free.append(connection)
        return Outcome(due_s, sent - started - due_s, clock() - started - due_s, status, why, tokens)
