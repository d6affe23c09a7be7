"""Which word comes from which, the attention as a heat map, and the beam as a tree."""

from __future__ import annotations

import re
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import expect

from tests.e2e.browser.visit import PATIENCE_MS, Visit

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


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
