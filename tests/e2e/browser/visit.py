"""One visit to the page: a browser context that notes every error, violation and request to elsewhere."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

# The page waits for the service, and a loaded machine may take its time.
# What takes this long has failed, however busy the machine is.
PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)
_AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


@dataclass
class Visit:
    """A page that is open. problems: console errors and warnings, exceptions, violations of the policy, requests to
    elsewhere. asked: the bodies of the translations that were asked for."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def begin(cls, browser: Browser, url: str, **context: Any) -> Iterator[Visit]:
        """Open the page in a context of its own, English and light unless said otherwise."""
        opened = browser.new_context(**({"locale": "en-GB", "color_scheme": "light"} | context))
        opened.set_default_timeout(PATIENCE_MS)
        visit = cls(opened.new_page(), url)
        visit._listen()
        visit.page.goto(url)
        expect(visit.source_language.locator("option")).not_to_have_count(0, timeout=PATIENCE_MS)
        try:
            yield visit
        finally:
            opened.close()

    def _listen(self) -> None:
        def on_console(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.problems.append(f"console: {message.text}")

        def on_request(request: Request) -> None:
            if not request.url.startswith(self.url):
                self.problems.append(f"request to elsewhere: {request.url}")
            if request.url.endswith("/v1/translate"):
                self.asked.append(json.loads(request.post_data or ""))

        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"exception: {error}"))
        self.page.on("request", on_request)
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('violates ' + e.violatedDirective))"
        )

    def assert_clean(self) -> None:
        """Nothing went wrong behind the page."""
        assert self.problems == []

    def assert_accessible(self, least: int = 20) -> None:
        """axe finds no violation in what is shown, by more than `least` of its rules. The context must have been opened
        with `bypass_csp`."""
        self.page.evaluate(_AXE.read_text(encoding="utf-8"))
        result = self.page.evaluate("axe.run()")
        found = [(each["id"], each["impact"], [n["html"] for n in each["nodes"]][:3]) for each in result["violations"]]
        assert found == []
        assert len(result["passes"]) > least

    @property
    def source(self) -> Locator:
        return self.page.locator("#source-text")

    @property
    def target(self) -> Locator:
        return self.page.locator("#target-text")

    @property
    def source_language(self) -> Locator:
        return self.page.locator("#source-language")

    @property
    def target_language(self) -> Locator:
        return self.page.locator("#target-language")

    def translate(self, text: str, expected: str) -> None:
        """Type `text` and wait for the translation, which has `expected` in it in any case."""
        self.source.fill(text)
        expect(self.target).to_contain_text(re.compile(expected, re.IGNORECASE), timeout=PATIENCE_MS)
        expect(self.target).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
