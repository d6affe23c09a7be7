"""Models change while the real process serves: no request is dropped, and a bad bundle changes nothing."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx

from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, served, wait_until
from tests.integration.service.test_load import texts

KEY = "only for tests"
PATIENCE_S = 60.0


def admin(server: Served, method: str, path: str, **arguments: Any) -> httpx.Response:
    return httpx.request(
        method,
        f"{server.url}/v1/admin/models{path}",
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=PATIENCE_S,
        **arguments,
    )


def versions(server: Served) -> list[str]:
    return [each["version"] for each in httpx.get(f"{server.url}/v1/models").json()["models"]]


class Callers:
    """Threads that ask until they are told to stop; every answer is kept."""

    def __init__(self, server: Served, count: int) -> None:
        self.server = server
        self.statuses: list[int] = []
        self.versions: list[str] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        with httpx.Client(base_url=self.server.url, timeout=PATIENCE_S) as client:
            asked = 0
            while not self._stopping.is_set():
                text = "\n".join(texts(seed=1000 * number + asked, count=1 + asked % 3 * 8))
                response = client.post("/v1/translate", json={"text": text, "source": "en", "target": "ru"})
                self.statuses.append(response.status_code)
                if response.status_code == 200:
                    self.versions.append(response.json()["model"]["version"])
                asked += 1


def test_a_swap_under_load_drops_nobody_and_frees_the_old(tmp_path: Path) -> None:
    random_bundle(tmp_path)
    with served(tmp_path, ADMIN_KEY=KEY) as server, Callers(server, count=6) as callers:
        random_bundle(tmp_path, version="2", seed=2)
        wait_until(lambda: callers.versions.count("1") >= 10, PATIENCE_S)
        response = admin(server, "POST", "/swap", json={"model": "random@2"})
        assert response.status_code == 200, response.text
        wait_until(lambda: callers.versions.count("2") >= 10, PATIENCE_S)
        wait_until(
            lambda: [each["model"] for each in admin(server, "GET", "").json()["models"]] == ["random@2"], PATIENCE_S
        )
        assert admin(server, "POST", "/rollback", json={"model": "random"}).status_code == 200
        before = len(callers.versions)
        wait_until(lambda: callers.versions[before:].count("1") >= 10, PATIENCE_S)
        callers.__exit__()
        assert set(callers.statuses) == {200}


def test_the_store_is_followed_and_a_bundle_that_is_not_whole_does_no_harm(tmp_path: Path) -> None:
    random_bundle(tmp_path)
    with served(tmp_path, WATCH_S="0.1") as server, Callers(server, count=2) as callers:
        elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
        random_bundle(elsewhere, version="2", seed=2)
        whole = elsewhere / "random" / "2"
        torn = tmp_path / "random" / "2"
        torn.mkdir()
        weights = whole / "weights.safetensors"
        (torn / weights.name).write_bytes(weights.read_bytes()[:1000])
        for name in ("README.md", "tokenizer.model", "manifest.json"):
            (torn / name).write_bytes((whole / name).read_bytes())
        wait_until(lambda: httpx.get(f"{server.url}/v1/models").json()["failed"] == ["random@2"], PATIENCE_S)
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert versions(server) == ["1"]
        assert sum("a newer version cannot be served" in line and "has 1000 bytes" in line for line in server.log) == 1
        (torn / weights.name).write_bytes(weights.read_bytes())
        wait_until(lambda: versions(server) == ["2"], PATIENCE_S)
        assert httpx.get(f"{server.url}/v1/models").json()["failed"] == []
        random_bundle(tmp_path, version="3", seed=3)
        wait_until(lambda: versions(server) == ["3"], PATIENCE_S)
        before = len(callers.versions)
        wait_until(lambda: "3" in callers.versions[before:], PATIENCE_S)
        callers.__exit__()
        assert set(callers.statuses) == {200}
