"""`verso serve` in a process of its own, on a free port; as it is, or with a line into it that breaks it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

PATIENCE_S = 180.0  # a test that waits this long has failed, however loaded the machine is


@dataclass(frozen=True)
class Served:
    process: subprocess.Popen[str]
    url: str
    log: list[str]

    def command(self, line: str) -> None:
        """Break it in a way that faulty_server.py knows; returns when it is so."""
        assert self.process.stdin is not None
        done = f"done: {line}\n"
        before = self.log.count(done)
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        give_up = time.monotonic() + PATIENCE_S
        while self.log.count(done) == before:
            assert time.monotonic() < give_up, "".join(self.log[-20:])
            time.sleep(0.005)


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wait_until(true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    give_up = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def environment(store: Path | str, **settings: str) -> dict[str, str]:
    """This process's environment with a store of bundles and nothing else of Verso's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("VERSO_")}
    return own | {"VERSO_MODELS": str(store), "VERSO_THREADS": "1"} | {f"VERSO_{k}": v for k, v in settings.items()}


@contextlib.contextmanager
def served(store: Path | str, *, faulty: bool = False, **settings: str) -> Iterator[Served]:
    """A server that is ready; a `faulty` one can be told to break. It is killed at the end unless it has ended."""
    program = ["tests.integration.service.faulty_server"] if faulty else ["service.cli", "serve", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-m", *program],
        env=environment(store, **settings),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert first.startswith("verso: http://"), first + process.stderr.read()
            log: list[str] = []
            reader = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
            reader.start()
            url = first.split()[1]
            _wait_until_ready(url)
            yield Served(process, url, log)
        finally:
            process.kill()
            process.wait()
            reader.join()


def _wait_until_ready(url: str) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not get ready")
