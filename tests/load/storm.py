"""A storm on a real server, in which everybody is accounted for.

Thousands of requests on hundreds of connections, a third of them given up on the way; the worker is killed twice, the
model is swapped once, and SIGTERM comes before the end. Every request that the server accepted must be answered with
the translation of its own text by the version that says it wrote it, or fail with an error that says why.

`python -m tests.load.storm` runs 10,000 requests on 200 connections and ends in one JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from service.engine.stats import EngineObserver
from service.loading import BundleLoader
from service.metrics import Metrics
from service.models import Models
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationRequest
from service.settings import Settings
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, served
from tests.integration.service.test_load import WORDS
from tests.load.client import Answer, Connection, NotAnswered

KEY = "only for tests"
VERSIONS = ("1", "2")
# When things happen, in shares of the requests that have begun.
KILLS, SWAP, SIGTERM = (0.25, 0.75), 0.5, 0.97


@dataclass
class Account:
    """What became of the requests, by their numbers.

    answered: version and text. failed: status and message. given_up: by the client, on purpose. unanswered: the
    connection could not be made or ended first, so the server's log has to say whether they were accepted.
    """

    texts: list[str]
    answered: dict[int, tuple[str, str]] = field(default_factory=dict)
    failed: dict[int, tuple[int, str]] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)
    unanswered: dict[int, str] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)

    def note(self, number: int, answer: Answer) -> None:
        """An answer came; whatever is not in the shape that the API promises is an error of this test's subject."""
        if answer.status == 200:
            (translation,) = answer.body["translations"]
            self.answered[number] = (answer.body["model"]["version"], translation["text"])
        else:
            error = answer.body["error"]
            assert error["type"], answer
            assert len(error["message"]) > 10, answer
            if answer.status in (429, 503):
                assert int(answer.headers["retry-after"]) >= 1, answer
            self.failed[number] = (answer.status, error["message"])


def texts(count: int, seed: int) -> list[str]:
    """Every text another, of one to three sentences."""
    draw = random.Random(seed)

    def sentence(number: int) -> str:
        return f"{number} {' '.join(draw.choices(WORDS, k=draw.randint(1, 8)))}."

    return [" ".join(sentence(number) for _ in range(draw.choice([1, 1, 1, 2, 3]))) for number in range(count)]


class Storm:
    """Connections that take the next request each, and the events on the way."""

    def __init__(self, server: Served, count: int, connections: int, seed: int = 1) -> None:
        self.account = Account(texts(count, seed))
        self._server = server
        self._connections = connections
        self._draw = random.Random(seed)
        self._numbers = self._begin()
        self._events = sorted([(int(share * count), "kill") for share in KILLS] + [(int(SWAP * count), "swap")])
        self._events.append((int(SIGTERM * count), "sigterm"))
        self._happening: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """To the end of the server."""
        address = urlsplit(self._server.url)
        host, port = address.hostname or "", address.port or 0
        await asyncio.gather(*(self._caller(Connection(host, port)) for _ in range(self._connections)))
        await asyncio.gather(*self._happening)
        await asyncio.sleep(0.1)  # the connections that were reset are closed by the loop

    def _begin(self) -> Iterator[int]:
        for number in range(len(self.account.texts)):
            while self._events and self._events[0][0] <= number:
                self._happening.append(asyncio.create_task(self._happen(self._events.pop(0)[1])))
            yield number

    async def _caller(self, connection: Connection) -> None:
        for number in self._numbers:
            body = {"text": self.account.texts[number], "source": "en", "target": "ru"}
            started = time.monotonic()
            asking = asyncio.create_task(connection.post("/v1/translate", body, f"storm-{number}"))
            if number % 3 == 0:  # before it is sent, while it waits, while it is decoded; or too late
                await asyncio.wait({asking}, timeout=self._draw.choice([0.0, 0.01, 0.1, 0.3]))
                asking.cancel()
            try:
                self.account.note(number, await asking)
                self.account.latencies_s.append(time.monotonic() - started)
            except asyncio.CancelledError:
                self.account.given_up.add(number)
            except NotAnswered as error:
                self.account.unanswered[number] = str(error)
        connection.abort()

    async def _happen(self, event: str) -> None:
        if event == "kill":
            await asyncio.to_thread(self._server.command, "raise SystemExit")
        elif event == "swap":
            await asyncio.to_thread(self._swap)
        else:
            self._server.process.send_signal(signal.SIGTERM)

    def _swap(self) -> None:
        answer = httpx.post(
            f"{self._server.url}/v1/admin/models/swap",
            json={"model": "random@2"},
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=120,
        )
        assert answer.status_code == 200, answer.text


def logged(server: Served) -> dict[int, int]:
    """The requests that reached the server, by its log, with their statuses."""
    lines = [json.loads(line) for line in server.log if '"verso.access"' in line and '"storm-' in line]
    return {int(line["request_id"].removeprefix("storm-")): line["status"] for line in lines}


async def oracle(store: Path, version: str, asked: list[str]) -> list[str]:
    """What that version makes of each text, in this process, in a quiet hour."""
    settings = Settings(models=str(store), default_models=(f"random@{version}",), threads=1, cache_entries=0)
    models = Models(BundleLoader(settings, lambda _name: EngineObserver()), Metrics(), "en")
    await models.load()
    translator = Translator(models.catalogue)
    try:
        done = []
        for start in range(0, len(asked), 500):
            request = TranslationRequest(tuple(asked[start : start + 500]), "en", "ru")
            done += [each.best.text for each in (await translator.translate(request)).translations]
        return done
    finally:
        await models.close(1.0)


def wrong(store: Path, account: Account) -> tuple[list[int], float]:
    """The numbers of the answers that are not of their text and version; and which share of the right ones differ from
    all others, so that a mix-up would show."""
    mistaken, right = [], []
    for version in VERSIONS:
        numbers = [number for number, (wrote, _text) in account.answered.items() if wrote == version]
        expected = asyncio.run(oracle(store, version, [account.texts[number] for number in numbers]))
        mistaken += [
            number for number, text in zip(numbers, expected, strict=True) if account.answered[number][1] != text
        ]
        right += expected
    return mistaken, len(set(right)) / max(len(right), 1)


def weather(count: int, connections: int) -> dict[str, object]:
    """Run a storm on a server of its own and account for everybody; raises AssertionError if anybody is missing."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        for seed, version in enumerate(VERSIONS, start=1):
            random_bundle(store, version=version, seed=seed)
        settings = {"DEFAULT_MODELS": "random@1", "ADMIN_KEY": KEY, "CACHE_ENTRIES": "0", "DRAIN_S": "120"}
        with served(store, faulty=True, **settings) as server:
            storm = Storm(server, count, connections)
            started = time.monotonic()
            asyncio.run(storm.run())
            took_s = time.monotonic() - started
            exit_code = server.process.wait(timeout=120)
        reached, account = logged(server), storm.account
        mistaken, distinct = wrong(store, account)
    lost = [number for number in account.unanswered if number in reached]
    ends = (account.answered.keys(), account.failed.keys(), account.given_up, account.unanswered.keys())
    assert sum(map(len, ends)) == len(set().union(*ends)) == count, "everybody is in one list, and in one only"
    assert exit_code == 0
    assert mistaken == []
    assert lost == [], [account.unanswered[number] for number in lost]
    assert all(reached[number] == 200 for number in account.answered)
    assert sum("decoder failure in a decoding step: SystemExit" in line for line in server.log) == len(KILLS)
    assert {version for version, _text in account.answered.values()} == set(VERSIONS)
    latencies = sorted(account.latencies_s)
    return {
        "requests": count,
        "connections": connections,
        "seconds": round(took_s, 1),
        "answered": len(account.answered),
        "answered_by_version": Counter(version for version, _text in account.answered.values()),
        "wrong": len(mistaken),
        "distinct_answers": round(distinct, 4),
        "failed": Counter(f"{status} {message[:60]}" for status, message in account.failed.values()),
        "given_up": len(account.given_up),
        "never_accepted": len(account.unanswered),
        "lost": len(lost),
        "p50_s": round(latencies[len(latencies) // 2], 3),
        "p99_s": round(latencies[len(latencies) * 99 // 100], 3),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=200)
    arguments = parser.parse_args()
    print(json.dumps(weather(arguments.requests, arguments.connections)))
