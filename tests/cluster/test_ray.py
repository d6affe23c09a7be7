"""Verso on a real Ray cluster of several nodes on this machine: `make test-ray`. A node dies, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.settings import Settings
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import environment, free_port
from tests.load.storm import oracle, texts

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed: make test-ray")

# Ray's own warnings are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
CALLERS = 24
TOKEN = "a token"
PATIENCE_S = 900.0  # a replica that starts beside the load on one busy core has taken four minutes


@dataclass
class Account:
    """What became of the requests. asked: numbers of texts, as they were sent."""

    texts: list[str]
    asked: int = 0
    answered: dict[int, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@dataclass
class Running:
    cluster: Any
    url: str
    store: Path

    def ready(self) -> int:
        """Replicas that have loaded their models."""
        from ray import serve

        states = serve.status().applications["verso"].deployments["replica"].replica_states
        return int(states.get("RUNNING", 0))

    def nodes(self) -> set[str]:
        """The nodes with a replica on them."""
        from ray.util.state import list_actors

        filters = [("state", "=", "ALIVE"), ("class_name", "=", "ServeReplica:verso:replica")]
        return {actor.node_id for actor in list_actors(filters=filters)}

    def decoded(self) -> list[float]:
        """Segments that each replica has decoded, by the metrics of all."""
        answer = httpx.get(f"{self.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        lines = [line for line in answer.text.splitlines() if line.startswith("verso_segments_total{")]
        return [float(line.rpartition(" ")[2]) for line in lines if 'outcome="decoded"' in line]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A head without cores and two nodes with one each; a replica to begin with, two if there is work."""
    from ray.cluster_utils import Cluster

    from service.cluster import deployment

    store = tmp_path_factory.mktemp("store")
    random_bundle(store)
    port = free_port()
    settings = Settings(
        models=str(store),
        port=port,
        threads=1,
        cache_entries=0,
        log_level="warning",
        max_body_bytes=100_000,
        ray_max_replicas=2,
        ray_segments_per_replica=4,
        metrics_token=TOKEN,
        glossaries_file=str(store / "glossaries.sqlite"),
        documents_file=str(store / "documents.sqlite"),  # which no two processes can have, so that none may try
    )
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": True})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        deployment.start(settings)
        yield Running(cluster, f"http://127.0.0.1:{port}", store)
    finally:
        ray.shutdown()
        cluster.shutdown()


def segments_running(client: httpx.Client) -> float:
    """In all replicas."""
    lines = [line for line in client.get("/metrics").text.splitlines() if line.startswith("verso_segments_running{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def load(running: Running, account: Account, enough: asyncio.Event) -> None:
    """Callers that ask for a text each, one after the other, until it is enough."""
    numbers = iter(range(len(account.texts)))

    async def caller(client: httpx.AsyncClient) -> None:
        for number in numbers:
            if enough.is_set():
                return
            account.asked += 1
            body = {"text": account.texts[number], "source": "en", "target": "ru"}
            try:
                answer = await client.post("/v1/translate", json=body)
            except httpx.HTTPError as error:
                account.failed.append(f"{number}: {error!r}")
                continue
            if answer.status_code == 200:
                account.answered[number] = answer.json()["translations"][0]["text"]
            else:
                account.failed.append(f"{number}: {answer.status_code} {answer.text[:200]}")

    limits = httpx.Limits(max_connections=CALLERS)
    async with httpx.AsyncClient(base_url=running.url, timeout=PATIENCE_S, limits=limits) as client:
        await asyncio.gather(*(caller(client) for _ in range(CALLERS)))
    assert enough.is_set(), "the texts were too few"


async def until(what: str, condition: Any) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < give_up, f"it did not come to this: {what}"
        await asyncio.sleep(0.5)


def test_a_node_that_is_killed_under_load_takes_no_request_along(running: Running) -> None:
    """One replica becomes two under load; the node of one is killed; a new node takes its place; all the while clients
    ask, and each of their requests is answered with the translation of its own text."""
    account = Account(texts(60_000, seed=7))
    killed: list[str] = []

    async def events(enough: asyncio.Event) -> None:
        await until("two replicas, since there is work", lambda: running.ready() == 2)
        await until("work for both", lambda: len(running.decoded()) == 2 and min(running.decoded()) > 50)
        nodes = {node.node_id: node for node in running.cluster.worker_nodes}
        victim = random.Random(1).choice(sorted(running.nodes() & set(nodes)))
        killed.append(victim)
        running.cluster.remove_node(nodes[victim], allow_graceful=False)
        before = len(account.answered)
        await until("answers of the one that is left", lambda: len(account.answered) > before + 100)
        running.cluster.add_node(num_cpus=1)
        await until("two replicas again", lambda: running.ready() == 2 and len(running.nodes() - {victim}) == 2)
        await until("work for both again", lambda: len(running.decoded()) == 2 and min(running.decoded()) > 50)
        enough.set()

    async def run() -> None:
        enough = asyncio.Event()
        loading = asyncio.create_task(load(running, account, enough))
        try:
            await events(enough)
        finally:
            enough.set()
            await loading

    asyncio.run(run())
    assert killed
    assert account.failed == []
    assert len(account.answered) == account.asked > 300
    numbers = sorted(account.answered)
    expected = asyncio.run(oracle(running.store, "1", [account.texts[number] for number in numbers]))
    assert [account.answered[number] for number in numbers] == expected
    assert len(set(expected)) > 0.95 * len(expected), "a mix-up would show"
    print(json.dumps({"asked": account.asked, "answered": len(account.answered), "failed": len(account.failed)}))


def test_the_api_is_the_same_behind_the_front(running: Running) -> None:
    one = {"text": "hello world", "source": "en", "target": "ru"}
    with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as client:
        give_up = time.monotonic() + PATIENCE_S
        while client.get("/readyz").status_code != 200:  # on a busy machine a replica needs more than the front's 5 s
            assert time.monotonic() < give_up
        answer = client.post("/v1/translate", json=one, headers={"X-Request-ID": "mine"})
        assert (answer.status_code, answer.headers["x-request-id"]) == (200, "mine")
        assert client.get("/").headers["content-type"].startswith("text/html")
        assert client.get("/languages").json()
        wrong = client.post("/v1/translate", json={**one, "source": "xx"})
        assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "source")
        assert client.post("/translate", params={"q": "hello", "source": "en", "target": "ru"}).status_code == 200
        for content in (b" " * 100_001, iter([b" " * 60_000] * 2)):
            large = client.post("/v1/translate", content=content, headers={"Content-Type": "application/json"})
            assert (large.status_code, large.json()["error"]["type"]) == (413, "too_large")
        for path in ("/v1/admin/models/swap", "/v1/documents"):
            refused = client.post(path, json={"model": "random"})
            assert refused.status_code == 403, path
            assert "in a cluster" in refused.text


def test_what_one_replica_was_given_all_have(running: Running) -> None:
    """Glossaries by the file, translated files by the front; asked often enough to reach every replica."""
    with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as client:
        terms = {"source": "en", "target": "ru", "terms": [{"source": "world", "target": "планета"}]}
        assert client.put("/v1/glossaries/house", json=terms).status_code == 200
        one = {"text": "hello world", "source": "en", "target": "ru", "glossary": "house"}
        file = {"file": ("a b.txt", b"hello world\n", "text/plain")}
        made = client.post("/translate_file", data={"source": "en", "target": "ru"}, files=file)
        assert made.status_code == 200, made.text
        address = made.json()["translatedFileUrl"]
        assert address.startswith(running.url)
        for _ in range(12):
            assert client.get("/v1/glossaries/house").json()["terms"] == terms["terms"]
            assert "планета" in client.post("/v1/translate", json=one).text
            fetched = client.get(address)
            assert (fetched.status_code, fetched.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            assert fetched.content.endswith(b"\n")
            assert client.get(f"{address}x").status_code == 404


def test_the_metrics_of_all_replicas_are_in_one_answer(running: Running) -> None:
    with httpx.Client(base_url=running.url, timeout=PATIENCE_S) as client:
        assert client.get("/metrics").status_code == 401
    assert len(running.decoded()) == running.ready()


def test_the_file_for_serve_deploy_names_what_there_is() -> None:
    from ray.serve.schema import ServeDeploySchema

    schema = ServeDeploySchema.model_validate(yaml.safe_load((ROOT / "deploy" / "ray" / "serve.yml").read_text()))
    [application] = schema.applications
    module, _, name = application.import_path.partition(":")
    assert (module, name) == ("service.cluster.deployment", "build")
    variables = application.runtime_env["env_vars"]
    assert set(variables) <= {f"VERSO_{field}".upper() for field in Settings.model_fields} | {"RAY_USAGE_STATS_ENABLED"}


def test_the_command_line_starts_and_drains_a_cluster_of_its_own(running: Running) -> None:
    port = free_port()
    own = environment(running.store, LOG_LEVEL="warning")
    command = [sys.executable, "-m", "service.cli", "serve", "--ray", "--port", str(port)]
    with subprocess.Popen(command, env=own | {"RAY_ADDRESS": "local"}, stderr=subprocess.PIPE, text=True) as process:
        try:
            give_up = time.monotonic() + PATIENCE_S
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
                while True:
                    with contextlib.suppress(httpx.TransportError):
                        if client.get("/readyz").status_code == 200:
                            break
                    assert process.poll() is None, process.stderr and process.stderr.read()
                    assert time.monotonic() < give_up
                    time.sleep(0.2)
                kept = client.get("/v1/glossaries")
                assert kept.status_code == 403
                assert "VERSO_GLOSSARIES_FILE" in kept.text
                one = {"text": texts(300, seed=3), "source": "en", "target": "ru"}
                with ThreadPoolExecutor() as beside:
                    accepted = beside.submit(client.post, "/v1/translate", json=one)
                    while not segments_running(client):
                        assert not accepted.done()
                    process.send_signal(signal.SIGTERM)
                    while process.poll() is None:
                        with contextlib.suppress(httpx.TransportError):
                            # Never "not found", as Ray Serve says of an application that is taken away.
                            assert client.get("/readyz").status_code in (200, 503)
                    assert accepted.result().status_code == 200
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
