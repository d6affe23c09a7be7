"""What keeps a command from a Ray cluster is one line, at once."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import app as cli
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import environment

pytest.importorskip("ray", reason="the extra `ray` is not installed: make test-ray")

PATIENCE_S = 900.0
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own warnings are not ours to mend


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    random_bundle(tmp_path)
    monkeypatch.setenv("VERSO_MODELS", str(tmp_path))
    monkeypatch.setenv("VERSO_THREADS", "1")
    return tmp_path


def said(*command: str) -> str:
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    return result.output.splitlines()[-1]


@pytest.mark.parametrize("command", [("serve", "--ray"), ("translate", "--ray", "--text", "a")])
@pytest.mark.parametrize("variable", ["VERSO_RAY_ADDRESS", "RAY_ADDRESS"])
@pytest.mark.usefixtures("store")
def test_an_address_where_there_is_no_cluster(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], variable: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = "{}:{}".format(*closed.getsockname())
    for address, why in ((nobody, "Connection refused"), ("nonsense", "Invalid address format")):
        monkeypatch.setenv(variable, address)
        line = said(*command)
        assert line.startswith(f"verso: {variable}: '{address}' cannot be connected to: ")
        assert why in line
        assert "; allowed: host:port of a Ray cluster, auto for" in line


@pytest.mark.usefixtures("store")
def test_a_cluster_of_this_machine_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(*_arguments: object, **_options: object) -> None:
        raise Exception("The current node timed out during startup.")  # as Ray does

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray.init", init)
    assert said("serve", "--ray") == "verso: Ray: Exception: The current node timed out during startup."


@pytest.mark.usefixtures("store")
def test_a_port_that_nobody_would_be_told() -> None:
    assert said("serve", "--ray", "--port", "0").startswith("verso: VERSO_PORT: 0; allowed with --ray: 1..65535")


def test_a_store_without_bundles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VERSO_MODELS", str(tmp_path / "none"))
    assert said("serve", "--ray").startswith("verso: models: there is no bundle in ")


@pytest.mark.parametrize(
    ("damaged", "why"),
    [(False, "Failed to bind to address '127.0.0.1:{port}'"), (True, "EngineUnavailableError: failed: random@1: ")],
    ids=["a port that is taken", "a bundle that cannot be loaded"],
)
def test_what_keeps_a_cluster_from_serving(store: Path, damaged: bool, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        if damaged:
            listener.close()
            next((store / "random" / "1").glob("weights*")).write_bytes(b"")
        command = [sys.executable, "-m", "service.cli", "serve", "--ray", "--port", str(port)]
        own = environment(store) | {"RAY_ADDRESS": "local"}
        ended = subprocess.run(command, env=own, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("verso: Ray: ")
    assert why.format(port=port) in last
