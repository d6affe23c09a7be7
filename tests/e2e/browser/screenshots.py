"""The pictures of the page in docs/page/, taken in Chromium of the service with the models that ship.

make screenshots        # or: python -m tests.e2e.browser.screenshots --folder FOLDER
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from model_store.store import shipped_bundles
from tests.e2e.browser.chromium import CHROMIUM, launch
from tests.e2e.browser.visit import PATIENCE_MS, Visit
from tests.integration.service.server import served

DOCS = Path(__file__).parents[3] / "docs" / "page"
DESKTOP = {"viewport": {"width": 1160, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def _shoot(visit: Visit, path: Path) -> None:
    """All of the page; in 256 colours, which are more than it has, so that a picture stays small."""
    taken = Image.open(io.BytesIO(visit.page.screenshot(full_page=True, animations="disabled")))
    taken.convert("RGB").quantize(256).save(path, optimize=True)
    visit.assert_clean()


def _explained(visit: Visit, tab: str, shown: str) -> None:
    visit.page.locator("#explanation summary").click()
    visit.page.locator(tab).click()
    expect(visit.page.locator(shown)).to_be_visible(timeout=PATIENCE_MS)
    visit.page.mouse.move(1, 1)


def desktop(browser: Browser, url: str, folder: Path) -> None:
    """A sentence, its alternatives, and its attention, while somebody points at a word."""
    with Visit.begin(browser, url, **DESKTOP) as visit:
        visit.page.locator("#target-language").select_option("ru")
        visit.translate("The printer could not be found. Select a file to open.", "файл")
        _explained(visit, "#tab-attention", ".heatmap")
        visit.page.evaluate("scrollTo(0, 0)")
        visit.target.locator(".word").first.hover()
        _shoot(visit, folder / "desktop.png")


def dark(browser: Browser, url: str, folder: Path) -> None:
    """The beam, in dark colours."""
    with Visit.begin(browser, url, **DESKTOP, color_scheme="dark") as visit:
        visit.page.locator("#target-language").select_option("ru")
        visit.translate("Open the file", "файл")
        _explained(visit, "#tab-beam", ".beam")
        _shoot(visit, folder / "dark.png")


def phone(browser: Browser, url: str, folder: Path) -> None:
    """In Russian, from Russian."""
    with Visit.begin(browser, url, **PHONE, locale="ru-RU") as visit:
        visit.page.locator("#swap").tap()
        visit.translate("Этот пакет содержит документацию.", "documentation")
        _shoot(visit, folder / "phone.png")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DOCS)
    options = parser.parse_args()
    if CHROMIUM is None:
        parser.error("there is no chromium here; on Debian: apt-get install chromium")
    options.folder.mkdir(parents=True, exist_ok=True)
    with served(shipped_bundles()) as server, sync_playwright() as playwright:
        browser = launch(playwright, CHROMIUM)
        for take in (desktop, dark, phone):
            take(browser, server.url, options.folder)
        browser.close()


if __name__ == "__main__":
    main()
