"""`verso translate --ray` on a real Ray cluster of several nodes: a node dies, the command dies, and every line is
there once, in its place."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import environment
from tests.load.storm import oracle, texts

pytest.importorskip("ray", reason="the extra `ray` is not installed: make test-ray")

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own warnings are not ours to mend

PATIENCE_S = 900.0
LINES = 6_000
# What a line may have in it that is not an end of it, and lines of nothing.
ODD = ["", "  two  spaces ", "a\rb", "nul \x00 nul", "\ufeffbom", "a\u2028b", "", "50 %s of {name}"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores and two nodes with one each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


def command(store: Path, cluster: Any, *arguments: str | Path) -> subprocess.Popen[str]:
    given = [sys.executable, "-m", "service.cli", "translate", "--ray", *map(str, arguments)]
    variables = environment(store, RAY_ADDRESS=cluster.address, RAY_MIN_REPLICAS="2", RAY_MAX_REPLICAS="2")
    return subprocess.Popen(given, env=variables, stderr=subprocess.PIPE, text=True)


def lines_of(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def wait_for_lines(process: subprocess.Popen[str], partial: Path, count: int) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while lines_of(partial) < count:
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < give_up
        time.sleep(0.1)


def test_a_killed_node_and_a_killed_command_lose_and_double_nothing(cluster: Any, tmp_path: Path) -> None:
    random_bundle(tmp_path / "store")
    lines = [*texts(LINES, seed=11), *ODD]
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_bytes("".join(f"{line}\n" for line in lines[:2_500]).encode())
    second.write_bytes("\n".join(lines[2_500:]).encode())  # without an end of its last line
    output, partial = tmp_path / "out.txt", tmp_path / "out.txt.partial"
    asked = (first, second, "-o", output)

    with command(tmp_path / "store", cluster, *asked) as process:
        wait_for_lines(process, partial, 1)
        process.kill()
    assert not output.exists()
    done = lines_of(partial)
    assert done > 0

    with command(tmp_path / "store", cluster, *asked) as process:
        wait_for_lines(process, partial, done + 1)
        killed_at = lines_of(partial)
        victim = min(cluster.worker_nodes, key=lambda node: node.node_id)
        cluster.remove_node(victim, allow_graceful=False)  # and no other takes its place
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    assert done < killed_at < len(lines), "the node was to die while there was work"
    assert not partial.exists()
    expected = asyncio.run(oracle(tmp_path / "store", "1", lines))
    translated = output.read_bytes().decode().split("\n")
    assert translated == expected
    assert len(set(expected)) > 0.95 * LINES, "a mix-up would show"


def test_what_cannot_be_is_one_line(cluster: Any, tmp_path: Path) -> None:
    random_bundle(tmp_path / "store")
    source = tmp_path / "in.txt"
    source.write_text("hello\n", encoding="utf-8")
    with command(tmp_path / "store", cluster, "--to", "fr", source, "-o", tmp_path / "out.txt") as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    said = [line for line in errors.splitlines() if " logging.cc:" not in line]  # Ray says that it will say nothing
    assert said == ["verso: target: 'fr' is not a served language; allowed: de, en, ru"]
    assert not (tmp_path / "out.txt").exists()
