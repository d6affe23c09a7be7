"""Translation as you type: what is sent, what is shown, and what can be done with it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import axe_playwright_python
import httpx
from playwright.sync_api import Browser, Route, expect

from tests.e2e.browser.visit import PATIENCE_MS, Visit
from tests.integration.service.server import Served

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


def test_typing_translates_and_only_the_last_text_is_answered(visit: Visit) -> None:
    visit.source.press_sequentially("Open the file", delay=10)
    expect(visit.target).to_contain_text("файл", timeout=PATIENCE_MS)
    expect(visit.target).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
    assert visit.asked[-1]["text"] == "Open the file"
    assert len(visit.asked) < len("Open the file")  # a pause is waited for, not every letter sent


def test_an_answer_that_was_overtaken_is_not_shown(visit: Visit) -> None:
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    visit.page.route("**/v1/translate", hold_first)
    visit.source.fill("Open")
    visit.page.wait_for_timeout(600)
    assert held
    visit.translate("Select the printer", "принтер")
    assert "ERR_ABORTED" in (held[0].request.failure or "")
    visit.page.unroute_all(behavior="ignoreErrors")


def test_swapping_takes_the_translation_along(visit: Visit) -> None:
    visit.translate("Open the file", "файл")
    was = visit.target.inner_text()
    visit.page.locator("#swap").click()
    expect(visit.source).to_have_value(was)
    assert visit.source_language.input_value() == "ru"
    assert visit.target_language.input_value() == "en"
    expect(visit.target).to_contain_text(re.compile("open", re.IGNORECASE), timeout=PATIENCE_MS)


def test_the_language_is_detected_and_said(visit: Visit) -> None:
    visit.source_language.select_option("auto")
    visit.target_language.select_option("en")
    visit.translate("Открыть файл", "file")
    expect(visit.page.locator("#detected")).to_have_text("Detected: Russian")


def test_alternatives_are_shown_and_can_be_taken(visit: Visit) -> None:
    visit.translate("Open the file", "файл")
    alternatives = visit.page.locator("#alternatives li")
    expect(alternatives.first).to_be_visible()
    was, other = visit.target.inner_text(), alternatives.first.locator("span").inner_text()
    assert other != was
    alternatives.first.locator("button").click()
    expect(visit.target).to_have_text(other)
    expect(alternatives.first.locator("span")).to_have_text(was)
    visit.target.locator(".word").last.hover()
    expect(visit.page.locator("#source-mirror .lit")).not_to_have_count(0)
    alternatives.first.locator("button").click()
    expect(visit.target).to_have_text(was)
    visit.target.locator(".word").last.hover()
    expect(visit.page.locator("#source-mirror .lit")).not_to_have_count(0)


def test_warnings_are_told_in_words(visit: Visit) -> None:
    def cut_short(route: Route) -> None:
        body = {**json.loads(route.request.post_data or ""), "options": {"max_length": 2}}
        route.continue_(post_data=httpx.Request("POST", "http://x", json=body).content)

    visit.page.route("**/v1/translate", cut_short)
    visit.source.fill("The package could not be installed because the network is down.")
    expect(visit.page.locator("#warnings li").first).to_contain_text("not translated to its end", timeout=PATIENCE_MS)


def test_copying(browser: Browser, server: Served) -> None:
    with Visit.begin(browser, server.url, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.translate("Open the file", "файл")
        visit.page.locator("#copy").click()
        expect(visit.page.locator("#announcer")).to_have_text("Copied")
        assert visit.page.evaluate("navigator.clipboard.readText()") == visit.target.inner_text()
        visit.assert_clean()


def test_a_long_text_can_be_read_while_it_is_translated(visit: Visit) -> None:
    """Whatever is shown on the way, the whole begins with; and something is."""
    visit.page.evaluate(
        """() => {
          const target = document.getElementById("target-text");
          window.shown = [];
          const note = () => target.matches(".waiting, .empty") || window.shown.push(target.innerText);
          new MutationObserver(note).observe(target, { childList: true, characterData: true, subtree: true });
        }"""
    )
    things = (
        "file",
        "window",
        "folder",
        "door",
        "book",
        "program",
        "page",
        "box",
        "letter",
        "document",
        "list",
        "menu",
    )
    # No numbers but the last: a sentence that loses one is translated again, behind all the others.
    sentences = [f"Open the {one} and close the {other}." for one in things for other in things]
    visit.source.fill(" ".join([*sentences, "Page 79."]))
    expect(visit.target).to_contain_text("79", timeout=PATIENCE_MS)
    expect(visit.target).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
    whole = visit.target.inner_text()
    shown = [each for each in visit.page.evaluate("window.shown") if each]
    assert all(whole.startswith(each) for each in shown)
    assert any(len(each) < len(whole) for each in shown)


def test_a_kept_glossary_can_be_chosen(browser: Browser, server: Served) -> None:
    terms = {"source": "en", "target": "ru", "terms": [{"source": "file", "target": "досье"}]}
    httpx.put(f"{server.url}/v1/glossaries/office", json=terms).raise_for_status()
    try:
        with Visit.begin(browser, server.url) as visit:
            visit.translate("Open the file", "файл")
            visit.page.get_by_label("Glossary").select_option("office")
            expect(visit.target).to_contain_text("досье", timeout=PATIENCE_MS)
            assert visit.asked[-1]["glossary"] == "office"
            visit.page.locator("#swap").click()  # it is for the other direction
            expect(visit.page.locator("#glossary-picker")).to_be_hidden()
            visit.assert_clean()
    finally:
        httpx.delete(f"{server.url}/v1/glossaries/office").raise_for_status()
