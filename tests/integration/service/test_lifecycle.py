"""Start and end of the process: errors in one line, SIGTERM under load, one bundle a pair, languages by pivot."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, environment, served


def run(store: Path, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.cli", *arguments]
    return subprocess.run(
        command,
        env=environment(store, **settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def assert_one_line(result: subprocess.CompletedProcess[str], text: str) -> None:
    assert result.returncode == 2
    assert text in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("verso: ")


def test_a_port_in_use_is_one_line(store: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_one_line(run(store, "serve", "--port", str(port)), f"127.0.0.1:{port} cannot be listened on")


def test_no_bundle_is_one_line(tmp_path: Path, store: Path) -> None:
    assert_one_line(run(tmp_path, "serve"), "there is no bundle in")
    assert_one_line(run(store, "serve", DEFAULT_MODELS="other"), "there is random@1")
    assert_one_line(run(store, "serve", PORT="x"), "VERSO_PORT: ")


def test_settings_are_refused_before_it_is_said_that_anything_loads(store: Path, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere" / "suggestions.jsonl")
    serve = ("serve", "--port", "0")
    assert_one_line(run(store, *serve, SUGGESTIONS_FILE=nowhere), f"suggestions_file: {nowhere} cannot be used")
    assert_one_line(
        run(store, *serve, DEVICE="cpu", BACKEND="cuda_graph"), "'cuda_graph' does not run with device 'cpu'"
    )


def test_a_damaged_bundle_is_one_line(tmp_path: Path) -> None:
    random_bundle(tmp_path)
    (tmp_path / "random" / "1" / "tokenizer.model").write_bytes(b"damaged")
    assert_one_line(run(tmp_path, "translate", "--text", "a"), "tokenizer.model")
    random_bundle(tmp_path, version="0")  # which a server would fall back to
    assert_one_line(run(tmp_path, "translate", "--text", "a"), "tokenizer.model")


def test_the_command_line_translates_as_the_server_does(store: Path, server: Served) -> None:
    lines = ["the quick brown fox.", "", "one two"]
    result = run(store, "translate", "--from", "en", "--to", "ru", stdin="\n".join(lines))
    assert result.returncode == 0, result.stderr
    answer = httpx.post(f"{server.url}/translate", json={"q": "\n".join(lines), "source": "en", "target": "ru"}).json()
    assert result.stdout == answer["translatedText"]
    assert_one_line(run(store, "translate", "--to", "xx", "--text", "a"), "'xx' is not a served language")
    assert run(store, "models", "list").stdout == "random@1\n"


def test_a_pair_goes_through_english(server: Served) -> None:
    request = {"text": "слово один", "source": "ru", "target": "de"}
    answer = httpx.post(f"{server.url}/v1/translate", json=request).json()
    assert answer["translations"][0]["via"] == "en"
    languages = {each["code"]: each["targets"] for each in httpx.get(f"{server.url}/languages").json()}
    assert languages == {"de": ["de"], "en": ["de", "en", "ru"], "ru": ["de", "en", "ru"]}


class LongRequest:
    """A request in a thread that takes the server a while; `answer` is its status, or what broke it."""

    def __init__(self, server: Served, lines: int) -> None:
        self._url = server.url
        text = "\n".join(f"word{number} the quick brown fox jumps over {number} dogs." for number in range(lines))
        self.body = {"text": text, "source": "en", "target": "ru"}
        self.answer: int | str = ""
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        while "verso_requests_in_progress 2.0" not in httpx.get(f"{self._url}/metrics").text:
            time.sleep(0.01)

    def _ask(self) -> None:
        try:
            self.answer = httpx.post(f"{self._url}/v1/translate", json=self.body, timeout=120).status_code
        except httpx.TransportError as error:
            self.answer = type(error).__name__

    def wait(self) -> int | str:
        self._thread.join()
        return self.answer


def test_sigterm_refuses_new_work_and_finishes_the_old(store: Path) -> None:
    with served(store, DRAIN_S="60") as server, httpx.Client(base_url=server.url, timeout=30) as client:
        old = LongRequest(server, lines=300)
        server.process.send_signal(signal.SIGTERM)
        while client.get("/readyz").status_code == 200:
            time.sleep(0.01)
        assert client.get("/livez").status_code == 200
        new = client.post("/v1/translate", json=old.body)
        assert new.status_code == 503
        assert int(new.headers["retry-after"]) >= 1
        assert old.wait() == 200
        assert server.process.wait(timeout=60) == 0


def test_sigterm_waits_no_longer_than_it_is_told(store: Path) -> None:
    with served(store, DRAIN_S="0.1") as server:
        old = LongRequest(server, lines=1500)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=30) == 0
        assert old.wait() != 200
