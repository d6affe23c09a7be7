"""Debian's Prometheus, scraping a service under test; and what its expressions compare."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import promql_parser as promql
import yaml

from tests.integration.debian import binary
from tests.integration.service.server import free_port

DEPLOY = Path(__file__).parents[3] / "deploy"
CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
_COMPARISONS = {"==", "!=", ">", "<", ">=", "<="}
_SETS = {"and", "or", "unless"}


@contextlib.contextmanager
def prometheus_of(target: str, folder: Path) -> Iterator[httpx.Client]:
    """A Prometheus with the configuration that ships, but for its one target and for a look every second."""
    command = binary("prometheus", "prometheus")
    config = yaml.safe_load(CONFIG.read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(DEPLOY / "prometheus" / pattern) for pattern in config["rule_files"]]
    [scrape] = config["scrape_configs"]
    scrape["static_configs"] = [{"targets": [target]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    port = free_port()
    arguments = [f"--config.file={path}", f"--storage.tsdb.path={folder}", f"--web.listen-address=127.0.0.1:{port}"]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([command, *arguments], stdout=subprocess.DEVNULL, stderr=log) as process,
    ):
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                _wait(client, process, folder / "log")
                yield client
        finally:
            process.terminate()


def ask(client: httpx.Client, expression: str) -> list[dict[str, object]]:
    """The series that an expression gives now."""
    answer = client.get("/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", f"{expression}: {answer}"
    series = answer["data"]["result"]
    assert isinstance(series, list)
    return series


def operands(expression: str) -> list[str]:
    """What an alert compares: its parts without comparisons and sets, since an alert that is right gives nothing."""
    return [text for part in _split(promql.parse(expression)) for text in [part.prettify()]]


def _split(part: promql.Expr) -> Iterator[promql.Expr]:
    if isinstance(part, promql.ParenExpr):
        yield from _split(part.expr)
    elif isinstance(part, promql.BinaryExpr) and str(part.op) in _COMPARISONS | _SETS:
        yield from _split(part.lhs)
        yield from _split(part.rhs)
    elif not isinstance(part, promql.NumberLiteral):
        yield part


def _wait(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(httpx.TransportError):
            if client.get("/-/ready").status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError("Prometheus did not get ready")
