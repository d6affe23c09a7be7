"""A real Prometheus watches the real service under load: all that panels and alerts ask for is there."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.integration.operations.prometheus import DEPLOY, ask, operands, prometheus_of
from tests.integration.service.server import served

WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "hello", "world"]
LOAD_S = 15.0
DOCUMENT = ("a.txt", b"hello world\n")


@pytest.fixture(scope="module")
def watching(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A Prometheus that has watched a service through all that can happen to a request."""
    with (
        served(store, MAX_QUEUED_SEGMENTS="8", DECODER_ROWS="32") as service,
        prometheus_of(service.url.removeprefix("http://"), tmp_path_factory.mktemp("prometheus")) as client,
    ):
        asyncio.run(_load(service.url))
        _wait_for_the_rules(client)
        yield client


async def _load(url: str) -> None:
    """Translations, streams, documents, cache hits, warnings, bad input and refusals, for long enough to have rates."""
    generator = random.Random(1)
    until = time.monotonic() + LOAD_S
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        while time.monotonic() < until:
            texts = [" ".join(generator.choices(WORDS, k=5)) for _ in range(30)]
            bodies: list[dict[str, object]] = [{"text": text, "source": "en", "target": "ru"} for text in texts]
            bodies += [{"text": "hello", "source": "en", "target": "ru"}, {"text": "", "source": "xx", "target": "ru"}]
            bodies += [{"text": texts[0], "source": "en", "target": "ru", "options": {"max_length": 1}}]
            bodies += [{"text": "\n".join(texts), "source": "en", "target": "ru"}] * 2
            bodies += [{"text": texts[1], "source": "en", "target": "ru", "stream": True}]
            document = client.post("/v1/documents", data={"source": "en", "target": "ru"}, files={"file": DOCUMENT})
            await asyncio.gather(*(client.post("/v1/translate", json=body) for body in bodies), document)


def _wait_for_the_rules(client: httpx.Client) -> None:
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        groups = client.get("/api/v1/rules").json()["data"]["groups"]
        if all(rule["health"] == "ok" for group in groups for rule in group["rules"]):
            return
        time.sleep(0.5)
    raise AssertionError(f"the rules were not evaluated: {groups}")


def panels() -> list[tuple[str, str]]:
    """(dashboard and panel, expression) with the variables as Grafana fills them in when all is chosen."""
    found = []
    for path in sorted(DEPLOY.glob("grafana/dashboards/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                text = target["expr"].replace("$__rate_interval", "1m")
                text = text.replace("$instance", ".*").replace("$model", ".*")
                found.append((f"{path.stem}: {panel['title']}", text))
    return found


def rules(kind: str) -> list[tuple[str, str]]:
    """(name, expression) of the recording rules ("record") or of the alerts ("alert")."""
    files = [yaml.safe_load(path.read_text()) for path in DEPLOY.glob("prometheus/rules/*.yml")]
    every = [rule for file in files for group in file["groups"] for rule in group["rules"]]
    return [(rule[kind], rule["expr"]) for rule in every if kind in rule]


def variables() -> list[tuple[str, str]]:
    found = []
    for path in sorted(DEPLOY.glob("grafana/dashboards/*.json")):
        for variable in json.loads(path.read_text())["templating"]["list"]:
            inside = variable["query"]["query"].removeprefix("label_values(").removesuffix(")")
            found.append((f"{path.stem}: ${variable['name']}", inside.rpartition(",")[0]))
    return found


@pytest.mark.parametrize(("name", "expression"), [*panels(), *rules("record"), *variables()])
def test_what_is_shown_is_there(watching: httpx.Client, name: str, expression: str) -> None:
    series = ask(watching, expression)
    if "verso_gpu_" in expression:  # tests/unit/service/test_metrics.py has what it is on a machine with one
        assert series == []
        return
    assert series, f"{name}: no data for {expression}"
    values = [each["value"] for each in series]
    assert any(isinstance(value, list) and value[1] != "NaN" for value in values), (
        f"{name}: no number from {expression}"
    )


@pytest.mark.parametrize(("name", "expression"), rules("alert"))
def test_what_an_alert_compares_is_there(watching: httpx.Client, name: str, expression: str) -> None:
    ask(watching, expression)
    parts = operands(expression)
    assert parts
    for part in parts:
        assert ask(watching, part), f"{name}: no data for {part}"


def test_the_load_reached_what_it_should(watching: httpx.Client) -> None:
    for expression in (
        'verso_request_rejections_total{reason="overloaded"} > 0',
        'verso_segments_total{outcome="cache"} > 0',
        'verso_translation_warnings_total{warning="truncated"} > 0',
        'verso_documents_total{outcome="done"} > 0',
    ):
        assert ask(watching, expression), expression
