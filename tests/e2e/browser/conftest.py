"""Real Chromium on the real service with two of the bundles that ship."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from model_store.store import shipped_bundles
from tests.e2e.browser.chromium import CHROMIUM, launch
from tests.e2e.browser.visit import Visit
from tests.integration.service.server import Served, served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed with the last test of this folder: while it is open, Playwright's event loop runs in this thread, where
    other tests want one of their own."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI has to test the page, and there is no chromium here")
        pytest.skip("there is no chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = launch(playwright, CHROMIUM)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def server() -> Iterator[Served]:
    with served(shipped_bundles(), DEFAULT_MODELS="translate-en-ru,summarize-en-de-fr-es-ru") as running:
        yield running


@pytest.fixture
def visit(browser: Browser, server: Served) -> Iterator[Visit]:
    """A visit that ends with the proof that nothing went wrong behind the page."""
    with Visit.begin(browser, server.url) as begun:
        yield begun
        begun.assert_clean()
