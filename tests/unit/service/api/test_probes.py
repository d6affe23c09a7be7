"""Metrics, and documentation that loads nothing from elsewhere."""

from __future__ import annotations

import asyncio
import re

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.service.api.client import app_of, ask, get
from tests.unit.service.fakes import engine_of, model

ONE = {"text": "one two", "source": "en", "target": "ru"}


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """Values of a sample by its label values, in the order of the labels' names."""
    return {
        tuple(value for _name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_requests_are_counted_by_route_pair_and_status() -> None:
    async def call(client: httpx.AsyncClient) -> str:
        await client.post("/v1/translate", json=ONE)
        await client.post("/v1/translate", json={**ONE, "options": {"max_length": 1}})
        await client.post("/v1/translate", json={**ONE, "source": "<script>"})
        await client.post("/translate", json={})
        await client.get("/no/such/path")
        return (await client.get("/metrics")).text

    text = ask(app_of(), call)
    requests = samples(text, "verso_requests_total")
    assert requests["en-ru", "/v1/translate", "200"] == 2
    assert requests["", "/v1/translate", "400"] == 1
    assert requests["", "/translate", "400"] == 1
    assert requests["", "other", "404"] == 1
    assert "<script>" not in text
    rejections = samples(text, "verso_request_rejections_total")
    assert {reason: count for (reason,), count in rejections.items() if count} == {
        "unsupported_pair": 1,
        "invalid_request": 1,
        "not_found": 1,
    }
    assert rejections["overloaded",] == 0
    warnings = samples(text, "verso_translation_warnings_total")
    assert {name: count for (name,), count in warnings.items() if count} == {"truncated": 1}
    assert samples(text, "verso_model_info") == {("cpu", "tiny", "1"): 1, ("cpu", "other", "2.1"): 1}
    assert samples(text, "verso_segments_running")["cpu", "tiny", "1"] == 0
    assert samples(text, "verso_ready") == {(): 1}
    assert samples(text, "verso_requests_in_progress") == {(): 1}


def test_what_is_refused_before_its_route_is_counted_by_it() -> None:
    async def call(client: httpx.AsyncClient) -> str:
        await client.post("/v1/translate", json=ONE)
        await client.post("/v1/translate", json=ONE)
        await client.put("/v1/glossaries/mine", json=ONE)
        await client.post("/no/such/path", json=ONE)
        await client.post("/translate", content=b"x" * 101)
        await client.options("/translate", headers={"Origin": "http://a", "Access-Control-Request-Method": "POST"})
        return (await client.get("/metrics")).text

    text = ask(app_of(anonymous_requests_per_minute=1, max_body_bytes=100), call)
    requests = samples(text, "verso_requests_total")
    assert requests["", "/v1/translate", "429"] == requests["", "/v1/glossaries/{name}", "429"] == 1
    assert requests["", "/translate", "413"] == requests["", "/translate", "200"] == 1
    assert requests["", "other", "429"] == 1


def test_every_metric_has_the_prefix_or_is_of_the_process() -> None:
    text = get(app_of(), "/metrics").text
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {name for name in names if not name.startswith(("verso_", "process_", "python_"))} == set()


def test_two_apps_do_not_share_metrics() -> None:
    get(app_of(), "/livez")
    assert samples(get(app_of(), "/metrics").text, "verso_requests_total").get(("", "/livez", "200")) is None


def test_a_client_that_leaves_is_counted_and_its_segments_dropped() -> None:
    tiny = model("en-ru")

    async def call(client: httpx.AsyncClient) -> str:
        engine = engine_of(tiny)
        engine.gate.clear()
        task = asyncio.create_task(client.post("/v1/translate", json=ONE))
        while len(engine.groups) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait({task})
        assert engine.cancelled == 1
        return (await client.get("/metrics")).text

    assert samples(ask(app_of(tiny), call), "verso_requests_total")["", "/v1/translate", "499"] == 1


def test_the_documentation_loads_nothing_from_outside() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        page = (await client.get("/docs")).text
        assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
        assets = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
        assert len(assets) >= 3
        for asset in assets:
            assert (await client.get(asset)).status_code == 200
        assert not re.search(
            r"@import|url\(\s*['\"]?https?:", (await client.get("/static-offline-docs/swagger-ui.css")).text
        )

    ask(app_of(), call)
