"""Rates and quotas that several replicas share, in a real Redis: exact; and nobody is hurt when it is down."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from fastapi import FastAPI

from service import quota_store
from service.access import Access, Quota
from service.errors import QuotaError
from service.keys import KeyStore
from service.quota_store import QuotaStore
from tests.integration.debian import binary
from tests.integration.service.server import free_port
from tests.unit.service.api.client import app_of, running

ONE = {"text": "one two", "source": "en", "target": "ru"}


@contextlib.contextmanager
def redis_on(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis server of Debian's package, which keeps nothing on the disk."""
    command = [binary("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with subprocess.Popen([*command, "--dir", str(folder)], stdout=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield process
        finally:
            process.kill()


def _wait(port: int) -> None:
    give_up = time.monotonic() + 30
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert time.monotonic() < give_up, "the Redis server did not come up"
                time.sleep(0.02)


@pytest.fixture
def port() -> int:
    return free_port()


async def passed(access: Access, times: int, address: str = "192.0.2.1") -> int:
    """How many of so many simultaneous requests are admitted."""
    results = await asyncio.gather(*(access.admit(None, address) for _ in range(times)), return_exceptions=True)
    assert all(isinstance(result, QuotaError) for result in results if isinstance(result, BaseException)), results
    return sum(not isinstance(result, BaseException) for result in results)


def test_replicas_count_together_and_exactly(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a store that answers, however slow the machine is."""
    monkeypatch.setattr(quota_store, "_PATIENCE_S", 60.0)

    def replica() -> Access:
        quota = Quota(requests_per_minute=20, characters_per_day=105)
        return Access(None, required=False, anonymous=quota, store=QuotaStore(f"redis://127.0.0.1:{port}"))

    async def run() -> None:
        first, second = replica(), replica()
        crowd = await asyncio.gather(passed(first, 150), passed(second, 150))
        assert sum(crowd) == 20, "of three hundred at once, twenty"
        assert await passed(second, 5, "192.0.2.2") == 5, "another address has its own"
        caller = await first.admit(None, "192.0.2.3")
        charges = [access.charge(caller, 10) for access in (first, second) for _ in range(20)]
        results = await asyncio.gather(*charges, return_exceptions=True)
        assert results.count(10) == 10
        refused = [result for result in results if isinstance(result, QuotaError)]
        assert len(refused) == 30
        assert "of which 5 are left" in str(refused[-1])
        await second.give_back(caller, 30)
        with pytest.raises(QuotaError, match="of which 35 are left"):
            await first.charge(caller, 36)
        await first.charge(caller, 35)
        assert 0 < refused[-1].retry_after_s <= 86_400
        await asyncio.gather(first.close(), second.close())

    with redis_on(port, tmp_path):
        asyncio.run(run())


def test_a_quota_store_that_dies_stops_nobody_and_counts_again_when_it_is_back(
    port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota_store, "REST_S", 0.0)
    keys = tmp_path / "keys.json"
    key = KeyStore(keys).create("ann", requests_per_minute=2, characters_per_day=0, weight=1.0)
    headers = {"Authorization": f"Bearer {key}"}

    def replica() -> FastAPI:
        return app_of(quota_store=f"redis://127.0.0.1:{port}", keys_file=str(keys))

    async def run() -> None:
        async with running(replica()) as one, running(replica()) as other:

            async def statuses() -> list[int]:
                asked = [one, other, one, other]
                return [(await each.post("/v1/translate", json=ONE, headers=headers)).status_code for each in asked]

            with redis_on(port, tmp_path) as server:
                assert await statuses() == [200, 200, 429, 429]
                server.send_signal(signal.SIGSTOP)
                assert await statuses() == [200] * 4, "it hangs"
            caplog.clear()
            assert await statuses() == [200] * 4, "it is down"
            assert "the quota store cannot be asked" in caplog.text
            with redis_on(port, tmp_path):
                assert await statuses() == [200, 200, 429, 429], "it is back, and knows nothing"
                with redis.Redis(port=port) as client:
                    stored = b" ".join(client.keys("*"))
            assert key.encode() not in stored
            assert key.split("_", 2)[2].encode() not in stored

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
