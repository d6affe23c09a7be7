"""A server with API keys: the page asks for one, keeps it for the tab, and sends it in a header only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request, Route, expect

from service.keys import KeyStore
from tests.e2e.browser.visit import PATIENCE_MS, Visit
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, served

REFUSED = "status of 401"  # the browser itself writes this into its console


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """A server that answers nobody without a key, and a key."""
    folder = tmp_path_factory.mktemp("keyed")
    random_bundle(folder / "models", "random", ("en", "ru"))
    keys = folder / "keys.json"
    key = KeyStore(keys).create("ann", requests_per_minute=0, characters_per_day=0, weight=1.0)
    with served(folder / "models", KEYS_FILE=str(keys), KEYS_REQUIRED="true") as server:
        yield server, key


def test_a_key_is_asked_for_kept_sent_and_forgotten(browser: Browser, keyed: tuple[Served, str]) -> None:
    (server, key), requests = keyed, list[Request]()
    with Visit.begin(browser, server.url) as visit:
        page, form = visit.page, visit.page.locator("#key-form")
        page.on("request", lambda request: requests.append(request))
        expect(page.locator("#key-reason")).to_contain_text("those who have an API key")
        visit.source.fill("the quick brown fox")
        for wrong, told in (("näh", "is no API key"), ("wrong", "does not know this API key")):
            page.locator("#key-input").fill(wrong)
            page.keyboard.press("Enter")
            expect(page.locator("#key-reason")).to_contain_text(told, timeout=PATIENCE_MS)
            expect(page.locator("#key-input")).to_be_focused()
        page.keyboard.insert_text(key)
        page.keyboard.press("Enter")
        expect(form).to_be_hidden()
        expect(visit.target.locator(".word").first).to_be_visible(timeout=PATIENCE_MS)
        page.reload()
        visit.source.fill("the lazy dog")
        expect(visit.target.locator(".word").first).to_be_visible(timeout=PATIENCE_MS)
        assert page.evaluate("JSON.stringify(localStorage)").count(key) == 0
        asked = [each for each in requests if each.url.endswith("/v1/translate")]
        assert asked[-1].headers["authorization"] == f"Bearer {key}"
        assert not any(key in each.url or key in (each.post_data or "") for each in requests)
        page.locator("#key").press("Enter")
        page.locator("#key-forget").press("Enter")
        expect(page.locator("#key-reason")).to_contain_text("those who have an API key", timeout=PATIENCE_MS)
        visit.problems = [problem for problem in visit.problems if REFUSED not in problem]
        visit.assert_clean()


def test_a_late_refusal_does_not_take_back_what_was_said_of_a_key(browser: Browser, keyed: tuple[Served, str]) -> None:
    """The page asks before there is a key; what is typed meanwhile cannot be one."""
    server, _key = keyed
    with Visit.begin(browser, server.url) as visit:
        page, held = visit.page, list[Route]()
        expect(page.locator("#key-reason")).to_contain_text("those who have an API key")
        page.route("**/v1/translate", lambda route: held.append(route))
        with page.expect_request("**/v1/translate"):
            visit.source.fill("the quick brown fox")
        page.locator("#key-input").fill("näh")
        page.keyboard.press("Enter")
        expect(page.locator("#key-reason")).to_contain_text("is no API key")
        with page.expect_response("**/v1/translate"):
            held[0].continue_()
        page.wait_for_timeout(100)
        expect(page.locator("#key-reason")).to_contain_text("is no API key")
        visit.problems = [problem for problem in visit.problems if REFUSED not in problem]
        visit.assert_clean()


def test_a_document_of_a_key_can_be_downloaded(browser: Browser, keyed: tuple[Served, str]) -> None:
    server, key = keyed
    with Visit.begin(browser, server.url) as visit:
        page = visit.page
        page.locator("#key-input").fill(key)
        page.keyboard.press("Enter")
        page.locator("#file").set_input_files({"name": "a.b.md", "mimeType": "", "buffer": b"# the quick fox"})
        expect(page.locator("#document-download")).to_be_visible(timeout=PATIENCE_MS)
        with page.expect_download() as started:
            page.locator("#document-download").click()
        assert started.value.suggested_filename == "a.b_ru.md"
        assert Path(started.value.path()).read_text(encoding="utf-8").startswith("# ")
        visit.assert_clean()


def test_the_prompt_is_accessible_and_in_russian_too(browser: Browser, keyed: tuple[Served, str]) -> None:
    server, _key = keyed
    with Visit.begin(browser, server.url, locale="ru-RU", color_scheme="dark", bypass_csp=True) as visit:
        expect(visit.page.locator("#key-reason")).to_contain_text("ключ API")
        visit.assert_accessible()
        visit.page.locator("#key-input").press("Escape")
        expect(visit.page.locator("#key-form")).to_be_hidden()
        expect(visit.page.locator("#key")).to_be_focused()
        visit.assert_clean()
