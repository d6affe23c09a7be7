"""What the page does, as a reader with pointer, keyboard or screen reader meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import axe_playwright_python
import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.browser.visit import PATIENCE_MS, Visit
from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, served

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


def test_pointing_at_a_word_lights_its_counterparts_both_ways(visit: Visit) -> None:
    visit.translate("Select the printer", "принтер")
    printer = visit.target.locator(".word", has_text="принтер")
    printer.hover()
    expect(printer).to_have_class(re.compile("lit here"))
    counterpart = visit.page.locator("#source-mirror .lit")
    assert counterpart.all_inner_texts()
    box = counterpart.first.bounding_box()
    assert box is not None
    visit.page.mouse.move(1, 1)
    expect(visit.page.locator(".lit")).to_have_count(0)
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(printer).to_have_class(re.compile("lit"))
    assert visit.page.locator("#source-mirror .here").count() == 1


def test_the_mirror_lies_word_on_word_under_the_text(visit: Visit) -> None:
    visit.translate("Open the file. " * 12, "файл")
    same = visit.page.evaluate(
        """() => {
            const [a, b] = ["source-text", "source-mirror"].map(id => document.getElementById(id));
            const [s, t] = [getComputedStyle(a), getComputedStyle(b)];
            return [a.clientWidth === b.clientWidth, a.scrollHeight <= b.clientHeight + 1,
                    ["font", "padding", "letterSpacing", "lineHeight"].every(name => s[name] === t[name])];
        }"""
    )
    assert same == [True, True, True]


def test_alternatives_are_shown_and_can_be_taken(visit: Visit) -> None:
    visit.translate("Open the file", "файл")
    alternatives = visit.page.locator("#alternatives li")
    expect(alternatives.first).to_be_visible()
    was, other = visit.target.inner_text(), alternatives.first.locator("span").inner_text()
    assert other != was
    alternatives.first.locator("button").click()
    expect(visit.target).to_have_text(other)
    expect(alternatives.first.locator("span")).to_have_text(was)


def test_warnings_are_told_in_words(visit: Visit) -> None:
    def cut_short(route: Route) -> None:
        body = {**json.loads(route.request.post_data or ""), "options": {"max_length": 2}}
        route.continue_(post_data=httpx.Request("POST", "http://x", json=body).content)

    visit.page.route("**/v1/translate", cut_short)
    visit.source.fill("The package could not be installed because the network is down.")
    expect(visit.page.locator("#warnings li").first).to_contain_text("not translated to its end", timeout=PATIENCE_MS)


def test_the_attention_can_be_read_cell_by_cell(visit: Visit) -> None:
    visit.translate("Open the file", "файл")
    visit.page.locator("#explanation summary").click()
    cells = visit.page.locator(".heatmap [role=gridcell]")
    expect(cells.first).to_be_visible(timeout=PATIENCE_MS)
    rows, columns = (visit.page.locator(f".heatmap th[scope={scope}]").count() for scope in ("row", "col"))
    assert rows * columns == cells.count()
    cells.first.focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.keyboard.press("ArrowDown")
    focused = visit.page.locator(".heatmap td:focus")
    expect(focused).to_have_attribute("aria-label", re.compile("%"))
    expect(visit.page.locator("#readout")).to_contain_text("reads")


def test_the_beam_is_a_tree_with_the_translation_on_its_best_path(visit: Visit) -> None:
    visit.translate("Open the file", "файл")
    visit.page.locator("#explanation summary").click()
    visit.page.locator("#tab-beam").click()
    end = visit.page.locator(".beam .node.best.end")
    expect(end).to_have_count(1, timeout=PATIENCE_MS)
    end.hover()
    expect(visit.page.locator("#readout")).to_contain_text(visit.target.inner_text())
    best = visit.page.locator(".hypotheses tbody tr").first.locator("td").first
    expect(best).to_have_text(visit.target.inner_text())
    end.focus()
    visit.page.keyboard.press("ArrowLeft")
    expect(visit.page.locator(".beam .node:focus")).to_have_class(re.compile("best"))


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


def test_copying(browser: Browser, server: Served) -> None:
    with Visit.begin(browser, server.url, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.translate("Open the file", "файл")
        visit.page.locator("#copy").click()
        expect(visit.page.locator("#announcer")).to_have_text("Copied")
        assert visit.page.evaluate("navigator.clipboard.readText()") == visit.target.inner_text()
        visit.assert_clean()


def test_a_file_becomes_the_text_and_what_is_no_text_is_refused(visit: Visit) -> None:
    chooser = visit.page.locator("#file")
    chooser.set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"Open the file"})
    expect(visit.source).to_have_value("Open the file")
    expect(visit.target).to_contain_text("файл", timeout=PATIENCE_MS)
    chooser.set_input_files({"name": "b.txt", "mimeType": "text/plain", "buffer": b"\xff\xfe\x00"})
    expect(visit.page.locator("#problem")).to_have_text("b.txt is not a text in UTF-8.")
    expect(visit.source).to_have_value("Open the file")
    dropped = visit.page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['Select the printer'], 'c.txt')); return d; }"
    )
    visit.page.dispatch_event("#source-pane", "drop", {"dataTransfer": dropped})
    expect(visit.source).to_have_value("Select the printer")


def test_a_document_is_translated_and_can_be_downloaded_and_removed(visit: Visit) -> None:
    page, html = visit.page, b"<p class=x>Open the <b>file</b>.</p>"
    page.locator("#file").set_input_files({"name": "a.html", "mimeType": "text/html", "buffer": html})
    expect(page.locator("#document-name")).to_have_text("a.html")
    expect(page.locator("#document-state")).to_have_text("It is translated.", timeout=PATIENCE_MS)
    with page.expect_download() as started:
        page.locator("#document-download").click()
    assert started.value.suggested_filename == "a_ru.html"
    written = Path(started.value.path()).read_text(encoding="utf-8")
    assert re.fullmatch(r"<p class=x>(?=.*файл).*<b>.+</b>.*</p>", written)
    path = page.locator("#document-download").get_attribute("href")
    page.locator("#document-close").click()
    expect(page.locator("#document")).to_be_hidden()
    assert httpx.get(f"{visit.url}{path}").status_code == 404
    page.locator("#file").set_input_files({"name": "b.docx", "mimeType": "", "buffer": b"PK"})
    expect(page.locator("#problem")).to_contain_text("file: not a whole ZIP archive")
    expect(page.locator("#document")).to_be_hidden()
    # The browser itself writes what was refused, and what is gone, into its console.
    visit.problems = [problem for problem in visit.problems if "status of 4" not in problem]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser: Browser, server: Served, scheme: str) -> None:
    with Visit.begin(browser, server.url, color_scheme=scheme, bypass_csp=True) as visit:
        visit.translate("Open the file", "файл")
        visit.page.locator("#explanation summary").click()
        for tab, shown in (("#tab-attention", ".heatmap"), ("#tab-beam", ".beam")):
            visit.page.locator(tab).click()
            expect(visit.page.locator(shown)).to_be_visible(timeout=PATIENCE_MS)
            visit.page.evaluate(AXE.read_text(encoding="utf-8"))
            result = visit.page.evaluate("axe.run()")
            found = [
                (each["id"], each["impact"], [n["html"] for n in each["nodes"]][:3]) for each in result["violations"]
            ]
            assert found == []
            assert len(result["passes"]) > 20


def test_without_a_summarizer_there_is_no_tab_for_it(browser: Browser, tmp_path: Path) -> None:
    random_bundle(tmp_path)
    with served(tmp_path) as server, Visit.begin(browser, server.url) as translating:
        expect(translating.page.locator("#tasks")).to_be_hidden()


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
