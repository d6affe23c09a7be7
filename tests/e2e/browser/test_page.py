"""How the page is sent, and that its tabs are those of the models that are loaded."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import httpx
from playwright.sync_api import Browser, expect

from tests.e2e.browser.visit import PATIENCE_MS, Visit
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, served

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


def test_without_a_summarizer_there_is_no_tab_for_it(browser: Browser, tmp_path: Path) -> None:
    random_bundle(tmp_path)
    with served(tmp_path) as server, Visit.begin(browser, server.url) as translating:
        expect(translating.page.locator("#tasks")).to_be_hidden()


def test_the_target_is_at_first_the_readers_language(browser: Browser, tmp_path: Path) -> None:
    random_bundle(tmp_path, "first", ("en", "de"))
    random_bundle(tmp_path, "second", ("en", "ru"))
    with served(tmp_path) as server:
        for locale, language in (("ru-RU", "ru"), ("de-AT", "de"), ("en-GB", "de")):
            with Visit.begin(browser, server.url, locale=locale) as visit:
                expect(visit.page.locator("#source-language")).to_have_value("en")
                expect(visit.page.locator("#target-language")).to_have_value(language)


def test_with_a_summarizer_there_is_a_tab_for_it(browser: Browser, tmp_path: Path) -> None:
    random_bundle(tmp_path)
    random_bundle(tmp_path, "short", ("en", "en"), task="summarize")
    with served(tmp_path) as server, Visit.begin(browser, server.url) as summarizing:
        page = summarizing.page
        page.locator("#tab-translate").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#translate")).to_be_hidden()
        page.locator("#summary-source").fill("the quick brown fox jumps over the lazy dog")
        page.locator("#make-summary").click()
        body = {"text": "the quick brown fox jumps over the lazy dog", "language": "en"}
        (summary,) = httpx.post(f"{server.url}/v1/summarize", json=body, timeout=60).json()["summaries"]
        assert summary["text"]
        expect(page.locator("#summary")).to_have_text(summary["text"], timeout=PATIENCE_MS)
        expect(page.locator("#summary-warnings li")).to_have_count(len(summary["warnings"]))
        expect(page.locator("#summary-meta")).to_have_text("short 1")
        page.locator("#summary-language").select_option("auto")
        page.locator("#make-summary").click()
        expect(page.locator("#summary-meta")).to_have_text("Detected: English · short 1", timeout=PATIENCE_MS)
        expect(page.locator("#summary")).to_have_text(summary["text"])
        summarizing.assert_clean()


def test_what_is_sent_with_the_page(server: Served) -> None:
    for path in ("/", "/web/main.js", "/web/style.css"):
        response = httpx.get(server.url + path)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        again = httpx.get(server.url + path, headers={"If-None-Match": response.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert httpx.get(f"{server.url}/web/no.js").status_code == 404
    assert httpx.get(f"{server.url}/web/..%2f__init__.py").status_code == 404
