"""/v1/status: the same figures for programs and for people, for whoever may see them, without a text."""

from __future__ import annotations

import asyncio
import base64
from html.parser import HTMLParser
from typing import Any

import html5lib
import httpx
import pytest

from model_store.errors import BundleCorruptError
from service.app import create_app
from service.settings import Settings
from tests.unit.service.api.client import app_of, ask, get, running
from tests.unit.service.fakes import FakeSource, engine_of, model

ONE = {"text": "secret words", "source": "en", "target": "ru"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'ann:{password}'.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_it_says_what_is_loaded_and_what_was_done() -> None:
    async def call(client: httpx.AsyncClient) -> dict[str, Any]:
        for body in (ONE, ONE, {**ONE, "source": "xx"}):
            await client.post("/v1/translate", json=body)
        await client.get("/livez")
        answer = await client.get("/v1/status")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["vary"] == "Accept"
        assert "secret" not in answer.text
        body = answer.json()
        assert isinstance(body, dict)
        return body

    status = ask(app_of(max_queued_segments=7), call)
    assert (status["ready"], status["reasons"], status["failures"]) == (True, [], [])
    assert status["version"]
    assert status["torch"]
    assert status["queue_limit_segments"] == 7
    assert status["requests_in_progress"] == 1
    [tiny, other] = status["models"]
    assert (tiny["model"], tiny["role"], tiny["device"], tiny["task"]) == ("tiny@1", "default", "cpu", "translate")
    assert (tiny["segments_running"], tiny["segments_waiting"], tiny["healthy"]) == (0, 0, True)
    assert other["model"] == "other@2.1"
    [minute, minutes] = status["rates"]
    assert minute == minutes
    assert minute["requests_per_s"] == pytest.approx(3 / max(minute["window_s"], 1), abs=0.2)
    assert minute["failed_per_s"] == minute["refused_per_s"] == 0


def test_a_browser_gets_a_whole_page_with_nothing_inline_and_nothing_from_elsewhere() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        page = await client.get("/v1/status", headers=BROWSER)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        document = parser.parse(page.text)
        assert document.find("body/main/p").text == "ready"
        heads = [head.text for head in document.iter("th") if head.get("scope") == "row"]
        assert heads[:2] == ["tiny@1", "other@2.1"]
        assert [(script.get("src"), script.text) for script in document.iter("script")] == [("/web/status.js", None)]
        assert (await client.get("/web/status.js")).status_code == 200
        assert not list(document.iter("style"))
        links = [link.get("href") for link in document.iter("link")]
        assert len(links) == 3
        for link in links:
            assert (await client.get(link)).status_code == 200

    ask(app_of(), call)


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        (None, False),
        ("*/*", False),
        ("application/json", False),
        ("text/html", True),
        ("text/html;q=0.5, application/json", False),
        ("application/json;q=0.5, text/html", True),
        ("text/html;q=nonsense", False),
        ("image/png", False),
    ],
)
def test_who_prefers_html_gets_it(accept: str | None, html: bool) -> None:
    response = get(app_of(), "/v1/status", headers={} if accept is None else {"Accept": accept})
    assert response.headers["content-type"].startswith("text/html" if html else "application/json")


def test_with_a_token_it_is_for_whoever_has_that_or_the_admin_key() -> None:
    async def call(client: httpx.AsyncClient) -> None:
        for headers in (bearer("a token"), bearer("a key"), basic("a token"), basic("a key")):
            assert (await client.get("/v1/status", headers=headers)).status_code == 200
        for headers in ({}, bearer("other"), basic("other"), basic(""), {"Authorization": "Basic !"}, bearer("")):
            refused = await client.get("/v1/status", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic realm=")
            assert refused.json()["error"]["type"] == "unauthorized"
            assert "models" not in refused.text

    ask(app_of(metrics_token="a token", admin_key="a key"), call)


class Text(HTMLParser):
    """The text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_could_not_be_loaded_is_counted_named_and_explained_to_the_operator_alone() -> None:
    why = "/secret/place/weights: <img src=x>"
    source = FakeSource(model("en-ru"), model("en-ru", version="2"))
    source.broken["tiny@2"] = BundleCorruptError(why)

    async def run() -> None:
        app = create_app(Settings(admin_key="a key"), source)
        async with asyncio.timeout(30), running(app) as client:
            public = await client.get("/v1/status")
            assert public.json()["failures"] == [{"model": "tiny@2", "message": None}]
            told = await client.get("/v1/status", headers=bearer("a key"))
            assert told.json()["failures"] == [{"model": "tiny@2", "message": why}]
            assert "/secret" not in (await client.get("/v1/status", headers=BROWSER)).text
            page = Text((await client.get("/v1/status", headers=BROWSER | basic("a key"))).text)
            assert why in page.text
            assert "img" not in page.tags
            assert "\nverso_bundles_failed 1.0\n" in (await client.get("/metrics")).text

    asyncio.run(run())


def test_a_store_that_cannot_be_read_at_the_start_is_a_failure_too() -> None:
    source = FakeSource(model("en-ru"))
    source.broken["tiny@1"] = RuntimeError("out of memory")  # not an error that the loader knows
    broken = ask_of(source)
    assert broken["failures"] == [{"model": "tiny", "message": "out of memory"}]
    assert (broken["ready"], broken["reasons"]) == (False, ["failed: tiny@1: RuntimeError"])


def ask_of(source: FakeSource) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        app = create_app(Settings(admin_key="a key"), source)
        async with asyncio.timeout(30), running(app) as client:
            body = (await client.get("/v1/status", headers=bearer("a key"))).json()
            assert isinstance(body, dict)
            return body

    return asyncio.run(run())


def test_an_unhealthy_engine_is_shown() -> None:
    broken = model("en-ru")
    engine_of(broken).healthy = False

    async def call(client: httpx.AsyncClient) -> None:
        page = Text((await client.get("/v1/status", headers=BROWSER)).text).text
        assert "not ready" in page
        assert "unhealthy: it broke" in page

    ask(app_of(broken), call)
