"""The page for every reader: by keyboard, in the dark, in Russian, on a phone, with a screen reader."""

from __future__ import annotations

import re
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.visit import PATIENCE_MS, Visit
from tests.integration.service.server import Served

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


def test_everything_can_be_done_by_keyboard(visit: Visit) -> None:
    page = visit.page
    page.keyboard.type("Open the file")
    expect(visit.target).to_contain_text("файл", timeout=PATIENCE_MS)
    expect(page.locator("#explanation")).to_be_visible(timeout=PATIENCE_MS)
    reached: list[str] = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        if reached[-1] == "target-text":
            page.keyboard.press("ArrowRight")
            expect(page.locator("#target-text .here")).to_have_count(1)
            expect(page.locator("#announcer")).to_contain_text(visit.target.locator(".word").first.inner_text())
        if reached[-1] == "SUMMARY":
            page.keyboard.press("Enter")
            expect(page.locator(".heatmap")).to_be_visible(timeout=PATIENCE_MS)
            break
    assert {"clear", "open-file", "target-text", "copy", "BUTTON", "SUMMARY"} <= set(reached)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".beam")).to_be_visible()


def test_dark_by_preference_and_by_the_switch(browser: Browser, server: Served) -> None:
    def ground(page: Page) -> int:
        red: int = page.evaluate("parseInt(/\\d+/.exec(getComputedStyle(document.documentElement).backgroundColor)[0])")
        return red

    with Visit.begin(browser, server.url, color_scheme="dark") as visit:
        assert ground(visit.page) < 64
        visit.page.locator("#theme").click()
        assert ground(visit.page) > 192
        visit.page.reload()
        assert ground(visit.page) > 192  # it is remembered
        visit.page.locator("#theme").click()
        assert ground(visit.page) < 64
        visit.assert_clean()


def test_in_russian(browser: Browser, server: Served) -> None:
    with Visit.begin(browser, server.url, locale="ru-RU") as visit:
        assert visit.page.evaluate("document.documentElement.lang") == "ru"
        expect(visit.source).to_have_attribute("placeholder", re.compile("Введите"))
        expect(visit.source_language.locator("option").first).to_have_text("Английский")
        visit.page.locator("#interface-language").click()
        expect(visit.source).to_have_attribute("placeholder", re.compile("Type"))
        visit.assert_clean()


def test_every_string_is_there_in_every_language(visit: Visit) -> None:
    names = visit.page.evaluate(
        """async () => {
            const { STRINGS } = await import("/web/strings.js");
            const parts = text => [...text.matchAll(/\\{\\w+\\}/g)].map(each => each[0]).sort().join();
            return Object.values(STRINGS).map(each => Object.entries(each).map(([k, v]) => k + parts(v)).sort().join());
        }"""
    )
    assert len(names) == 2
    assert len(set(names)) == 1


def test_on_a_phone_nothing_sticks_out_and_the_targets_are_large(browser: Browser, server: Served) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "locale": "ru-RU"}
    with Visit.begin(browser, server.url, **phone) as visit:
        visit.translate("Open the file, then select the printer. The server could not be found.", "файл")
        visit.page.locator("#swap").click()
        visit.translate("Открыть файл. Сервер не найден.", "file")
        visit.page.locator("#explanation summary").click()
        expect(visit.page.locator(".heatmap")).to_be_visible(timeout=PATIENCE_MS)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
        for button in visit.page.locator("button:visible").all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 32, button
        source, target = visit.source.bounding_box(), visit.target.bounding_box()
        assert source is not None
        assert target is not None
        assert target["y"] >= source["y"] + source["height"]  # one above the other
        visit.assert_clean()


def test_on_a_phone_a_long_source_scrolls_by_itself(browser: Browser, server: Served) -> None:
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    with Visit.begin(browser, server.url, **phone) as visit:
        paper = visit.page.locator("#source-pane .paper")

        def scrolled() -> int:
            top: int = paper.evaluate("paper => Math.round(paper.scrollTop)")
            return top

        visit.translate("Open the file. " * 60, "файл")
        assert paper.evaluate("paper => paper.scrollHeight > 2 * paper.clientHeight")
        target = visit.target.bounding_box()
        assert target is not None
        assert target["y"] < 600  # to be seen without scrolling
        paper.evaluate("paper => paper.scrollTo(0, 0)")
        visit.source.press("Control+End")
        visit.page.keyboard.type("Save")
        assert scrolled() > 100  # what is typed is seen
        expect(visit.target).to_have_attribute("aria-busy", "false")
        expect(visit.target).to_contain_text(re.compile("сохран", re.IGNORECASE))
        visit.target.locator(".word").first.tap()
        expect(visit.page.locator("#source-mirror .lit").first).to_be_in_viewport()
        assert scrolled() < 100
        visit.assert_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_status_is_kept_up_to_date_and_axe_finds_no_violation_in_it(
    browser: Browser, server: Served, scheme: str
) -> None:
    with Visit.begin(browser, server.url, color_scheme=scheme, bypass_csp=True) as visit:
        page = visit.page
        page.clock.install()
        page.goto(f"{server.url}/v1/status")
        visit.assert_accessible(least=10)
        page.evaluate("document.querySelector('main p').textContent = 'old'")
        page.clock.fast_forward(10_000)
        expect(page.locator("main p").first).to_have_text("ready")
        visit.assert_clean()


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "ru-RU")])
def test_axe_finds_no_violation(browser: Browser, server: Served, scheme: str, locale: str) -> None:
    with Visit.begin(browser, server.url, color_scheme=scheme, locale=locale, bypass_csp=True) as visit:
        page = visit.page
        visit.assert_accessible()  # empty
        visit.translate("Open the file", "файл")
        html = b"<p>Open the file.</p>"
        page.locator("#file").set_input_files({"name": "a.html", "mimeType": "text/html", "buffer": html})
        expect(page.locator("#document-download")).to_be_visible(timeout=PATIENCE_MS)
        page.locator("#explanation summary").click()
        for tab, shown in (("#tab-attention", ".heatmap"), ("#tab-beam", ".beam")):
            page.locator(tab).click()
            expect(page.locator(shown)).to_be_visible(timeout=PATIENCE_MS)
            visit.assert_accessible()
        page.locator("#tab-summarize").click()
        visit.assert_accessible()
        page.locator("#summary-source").fill("gitg is a graphical user interface for git.")
        page.keyboard.press("Control+Enter")
        expect(page.locator("#copy-summary")).to_be_visible(timeout=PATIENCE_MS)
        visit.assert_accessible()
