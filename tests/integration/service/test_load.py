"""Many requests at once get what each gets alone; a client that leaves takes its segments with it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.service.server import Served

WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "hello", "world", "one", "two"]


def texts(seed: int, count: int) -> list[str]:
    """Texts from one word to several sentences and lines."""
    generator = random.Random(seed)

    def sentence() -> str:
        return " ".join(generator.choices(WORDS, k=generator.randint(1, 25))).capitalize() + "."

    return [" ".join(sentence() for _ in range(generator.choice([1, 1, 1, 2, 5]))) + "\n" for _ in range(count)]


def metric(client: httpx.Client, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


async def translate_all(server: Served, asked: list[str], connections: int) -> list[str]:
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=120) as client:

        async def one(text: str) -> str:
            request = {"text": text, "source": "en", "target": "ru", "options": {"n_best": 2}}
            response = await client.post("/v1/translate", json=request)
            assert response.status_code == 200, response.text
            (answer,) = response.json()["translations"]
            return f"{answer['text']!r} {answer['score']:.3f} {[each['text'] for each in answer['alternatives']]}"

        return await asyncio.gather(*map(one, asked))


def test_answers_under_load_are_those_of_requests_sent_alone(server: Served) -> None:
    asked = texts(seed=1, count=200)
    together = asyncio.run(translate_all(server, asked, connections=50))
    # The cache would answer the second time, so each is asked for in a way that decodes the same with another key.
    alone = [
        httpx.post(
            f"{server.url}/v1/translate",
            json={"text": text, "source": "en", "target": "ru", "options": {"n_best": 1}},
            timeout=60,
        ).json()["translations"][0]
        for text in asked
    ]
    for one, many in zip(alone, together, strict=True):
        assert many.startswith(f"{one['text']!r} {one['score']:.3f} ")


def test_a_client_that_leaves_is_not_decoded_for(server: Served) -> None:
    address = urlsplit(server.url)
    with httpx.Client(base_url=server.url, timeout=30) as client:
        body = {"text": "\n".join(texts(seed=2, count=300)), "source": "en", "target": "ru"}
        leaving = HTTPConnection(address.hostname or "", address.port)
        leaving.request("POST", "/v1/translate", json.dumps(body), {"Content-Type": "application/json"})
        while metric(client, "verso_segments_waiting") + metric(client, "verso_segments_running") == 0:
            time.sleep(0.02)
        leaving.close()
        give_up = time.monotonic() + 60
        while metric(client, "verso_requests_total", status="499") < 1:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        assert metric(client, "verso_segments_total", outcome="cancelled") > 0
        while metric(client, "verso_segments_waiting") + metric(client, "verso_segments_running") > 0:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        assert client.get("/readyz").status_code == 200
