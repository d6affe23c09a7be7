"""The browser that Debian ships."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def launch(playwright: Playwright, executable: str) -> Browser:
    """Without a window."""
    # Chromium refuses its sandbox to root, and /dev/shm is small in containers.
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    return playwright.chromium.launch(executable_path=executable, args=arguments)
