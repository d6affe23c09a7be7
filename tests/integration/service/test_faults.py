"""Faults in the real process: whom they concern, what the probes say, and that it comes back. See docs/faults.md."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from model_store.decoding.in_flight import ENCODE_AHEAD
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import PATIENCE_S, Served, served, wait_until
from tests.integration.service.test_load import metric

# Eight segments of beam 4 have a slot, the others wait.
ONE_BLOCK = {"DECODER_ROWS": "32", "CACHE_ENTRIES": "0"}
SLOTS = 8


@pytest.fixture(scope="module")
def faulty(store: Path) -> Iterator[Served]:
    with served(store, faulty=True, REQUEST_TIMEOUT_S="60", BODY_TIMEOUT_S="1", **ONE_BLOCK) as server:
        yield server


@pytest.fixture
def client(faulty: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=faulty.url, timeout=PATIENCE_S) as client:
        yield client
        wait_until(lambda: client.get("/readyz").status_code == 200)
        assert ask(client, "the server is well again").status_code == 200
        assert metric(client, "verso_segments_running") + metric(client, "verso_segments_waiting") == 0


def ask(client: httpx.Client, text: str, **fields: Any) -> httpx.Response:
    return client.post("/v1/translate", json={"text": text, "source": "en", "target": "ru", **fields})


def held_up(
    server: Served, client: httpx.Client, begin: list[Callable[[], Future[httpx.Response]]]
) -> list[Future[httpx.Response]]:
    """Begin requests of one segment each while steps do not come back, until all have got to the engine."""
    server.command("hang")
    answers = [each() for each in begin]
    wait_until(
        lambda: metric(client, "verso_segments_running") + metric(client, "verso_segments_waiting") == len(begin)
    )
    return answers


def connect(server: Served) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port or 0), timeout=PATIENCE_S)


def head(length: int) -> bytes:
    return (
        f"POST /v1/translate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


@pytest.mark.parametrize("kind", ["RuntimeError", "MemoryError", "OutOfMemoryError", "SystemExit"])
def test_a_worker_that_raises_fails_exactly_what_it_held(faulty: Served, client: httpx.Client, kind: str) -> None:
    asked = [f"{number} {text}" for number, text in enumerate(("one two", "the quick brown fox", "hello", "dog") * 5)]
    expected = [ask(client, text).json()["translations"][0]["text"] for text in asked]
    restarts = metric(client, "verso_decoder_restarts_total")
    with ThreadPoolExecutor(len(asked)) as threads:
        answers = held_up(faulty, client, [partial(threads.submit, ask, client, text) for text in asked])
        held = metric(client, "verso_segments_running")
        assert 1 <= held <= SLOTS + ENCODE_AHEAD
        faulty.command(f"raise {kind}")
        faulty.command("release")
    failed = 0
    for answer, text in zip([answer.result() for answer in answers], expected, strict=True):
        if answer.status_code == 200:
            assert answer.json()["translations"][0]["text"] == text
        else:
            assert answer.status_code == 500
            assert answer.json()["error"]["type"] == "internal"
            assert f"{kind}: injected" in answer.json()["error"]["message"]
            failed += 1
    assert failed == held
    assert metric(client, "verso_decoder_restarts_total") == restarts + 1


def test_a_decoder_that_cannot_be_rebuilt_turns_the_probes_red_until_it_can(
    faulty: Served, client: httpx.Client
) -> None:
    faulty.command("rebuild 1000000")
    faulty.command("raise RuntimeError")
    assert ask(client, "breaks").status_code == 500
    wait_until(lambda: client.get("/readyz").status_code == 503)
    wait_until(lambda: "CUDA error: injected" in client.get("/readyz").text)
    wait_until(lambda: ask(client, "waits in vain").status_code == 503)
    refused = ask(client, "refused")
    assert int(refused.headers["retry-after"]) >= 1
    assert "CUDA error: injected" in refused.json()["error"]["message"]
    wait_until(lambda: client.get("/livez").status_code == 503)
    assert "random@1: building the decoder: RuntimeError: CUDA error" in client.get("/livez").json()["reasons"][0]
    faulty.command("rebuild 0")
    wait_until(lambda: client.get("/livez").status_code == 200)
    assert ask(client, "the first success").status_code == 200


def test_a_decoder_that_hangs_keeps_nobody_beyond_the_limit(store: Path) -> None:
    with served(store, faulty=True, REQUEST_TIMEOUT_S="1") as server, httpx.Client(base_url=server.url) as client:
        server.command("hang")
        started = time.monotonic()
        answer = client.post(
            "/v1/translate", json={"text": "hangs", "source": "en", "target": "ru"}, timeout=PATIENCE_S
        )
        assert answer.status_code == 504
        assert time.monotonic() - started < PATIENCE_S / 2
        for probe in ("/readyz", "/livez"):
            wait_until(lambda probe=probe: client.get(probe).status_code == 503)  # type: ignore[misc]
            assert "the decoder does not come back from a step" in client.get(probe).text
        server.command("release")
        for probe in ("/readyz", "/livez"):
            wait_until(lambda probe=probe: client.get(probe).status_code == 200)  # type: ignore[misc]
        assert ask(client, "goes on").status_code == 200


def test_half_a_body_is_answered_and_closed(faulty: Served, client: httpx.Client) -> None:
    with connect(faulty) as connection:
        connection.sendall(head(1000) + b'{"text": "half')
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"body: 14 bytes came in 1 s, and then no end", "field": "body"' in answer


def drip(connection: socket.socket) -> None:
    """Send a head that never ends, until the server has enough."""
    connection.sendall(b"GET /livez HTTP/1.1\r\n")
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        connection.sendall(b"X-Drip: 1\r\n")
        time.sleep(0.05)


@pytest.mark.parametrize("first", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_half_a_head_is_closed_however_it_drips(faulty: Served, client: httpx.Client, first: bytes) -> None:
    with connect(faulty) as connection:
        connection.sendall(first)
        if first:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            drip(connection)


def test_silence_is_closed(faulty: Served, client: httpx.Client) -> None:
    with connect(faulty) as connection:
        assert connection.recv(1) == b""


def ask_and_never_listen(connection: socket.socket) -> None:
    """Until the server has enough."""
    connection.settimeout(0.2)
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        with contextlib.suppress(TimeoutError):
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 100)


def test_a_client_that_does_not_take_its_answers_is_given_up(faulty: Served, client: httpx.Client) -> None:
    with connect(faulty) as connection, pytest.raises((ConnectionResetError, BrokenPipeError)):
        ask_and_never_listen(connection)


def test_a_client_that_is_slow_but_listens_gets_all_of_its_answers(faulty: Served, client: httpx.Client) -> None:
    """It takes several times as long as a client may take nothing."""
    # The kernel makes room by the megabyte, so that progress is seen once in some tenths of a second.
    count, size = 160, len(client.get("/openapi.json").content)
    with connect(faulty) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        asking = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * (count - 1)
        connection.sendall(asking + b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received, pause_s = 0, 4 / (count * size / 65536)
        while part := connection.recv(65536):
            received += len(part)
            time.sleep(pause_s)
    assert received > count * size


def test_clients_that_vanish_leave_nothing_behind(faulty: Served, client: httpx.Client) -> None:
    faulty.command("hang")
    left = metric(client, "verso_requests_total", status="499")
    connections = [connect(faulty) for _ in range(40)]
    for number, connection in enumerate(connections):
        body = b'{"source": "en", "target": "ru", "text": "one two three %d. And four. And five."}' % number
        connection.sendall(head(len(body)) + body)
    wait_until(lambda: metric(client, "verso_segments_waiting") > 2 * SLOTS)
    for connection in connections:  # a reset instead of a goodbye
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    wait_until(lambda: metric(client, "verso_requests_total", status="499") == left + len(connections))
    faulty.command("release")
    wait_until(lambda: metric(client, "verso_segments_running") + metric(client, "verso_segments_waiting") == 0)


def test_a_wall_clock_that_jumps_moves_no_deadline(faulty: Served, client: httpx.Client) -> None:
    asked = [f"{number} the quick brown fox." for number in range(20)]
    with ThreadPoolExecutor(len(asked)) as threads:
        answers = held_up(faulty, client, [partial(threads.submit, ask, client, text) for text in asked])
        for seconds in (86_400, -2 * 86_400, 86_400):
            faulty.command(f"clock {seconds}")
        faulty.command("release")
    for answer in answers:
        assert answer.result().status_code == 200
        timings = answer.result().json()["timings"]
        assert all(0 <= timings[name] < PATIENCE_S for name in ("queue_s", "decode_s", "total_s"))
    assert client.get("/readyz").status_code == 200


def test_sigterm_under_load_finishes_what_it_accepted_and_refuses_the_rest(store: Path) -> None:
    """All are in slots or wait at the signal; who asks later is refused, told when to come back, and let go. Half a
    body was not accepted, and is not waited for."""
    asked = [f"{number} the quick brown fox." for number in range(40)]
    with (
        served(store, faulty=True, DRAIN_S="600", BODY_TIMEOUT_S="600", **ONE_BLOCK) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client,
        connect(server) as halfway,
        ThreadPoolExecutor(len(asked)) as threads,
    ):
        halfway.sendall(head(1000) + b'{"text": "half')
        accepted = held_up(server, client, [partial(threads.submit, ask, client, text) for text in asked])
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: client.get("/readyz").status_code == 503)
        refused = [ask(client, "too late") for _ in range(5)]
        server.command("release")
        assert [answer.result().status_code for answer in accepted] == [200] * len(asked)
        for answer in refused:
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.headers["connection"] == "close"
        assert server.process.wait(timeout=PATIENCE_S) == 0


def far_store(folder: Path) -> tuple[str, Path]:
    """A store that is not local for the service, so that it copies bundles; its address, and where to put bundles."""
    # fsspec's "dir" applies its folder twice.
    return f"dir::file://{folder}", Path(f"{folder}{folder}")


def test_a_full_disk_changes_nothing_but_the_change(tmp_path: Path) -> None:
    """A limit on the size of its files is a disk that takes no more, for this process only."""
    url, bundles = far_store(tmp_path / "far")
    random_bundle(bundles)
    headers = {"Authorization": "Bearer key"}
    with served(url, ADMIN_KEY="key") as server, httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        random_bundle(bundles, version="2", seed=2)
        answer = client.post("/v1/admin/models/swap", json={"model": "random@2"}, headers=headers)
        assert answer.status_code == 422, answer.text
        assert "can be written there" in answer.json()["error"]["message"]
        assert ask(client, "one").json()["model"]["version"] == "1"
        assert client.get("/readyz").status_code == 200
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert client.post("/v1/admin/models/swap", json={"model": "random@2"}, headers=headers).status_code == 200
        assert ask(client, "one").json()["model"]["version"] == "2"
