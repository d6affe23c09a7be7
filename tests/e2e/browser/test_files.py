"""Files that are opened or dropped: texts become the text, documents are translated as such."""

from __future__ import annotations

import re
from pathlib import Path

import axe_playwright_python
import httpx
from playwright.sync_api import expect

from tests.e2e.browser.visit import PATIENCE_MS, Visit

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"


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
