"""What the documents name is there: files and headings that they link to, settings, metrics."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from service.metrics import Metrics
from service.settings import CLIENT_KEY, PREFIX, Settings
from tests.e2e.documents import DOCUMENTS, ROOT

PAGES = [ROOT / "CHANGELOG.md", *DOCUMENTS]
# All that an operator copies from.
DEPLOYED = [path for path in (ROOT / "deploy").rglob("*") if path.suffix in (".yml", ".json")]
SOURCES = [*DOCUMENTS, *DEPLOYED, ROOT / "docker-compose.yml", ROOT / "deploy" / "Dockerfile"]
# What a histogram or a counter is made of, and levels of recording rules.
_PART = re.compile(r"_(?:bucket|sum|count|total|created)$")
_OF_A_GPU = "verso_gpu_memory_bytes"


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(page: Path) -> Iterator[tuple[str, str]]:
    """(file, heading) of each link that stays here; the file is empty where it is the page itself."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            file, _, heading = target.partition("#")
            yield file, heading


@cache
def headings(page: Path) -> set[str]:
    """As anchors."""
    found = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    for file, heading in links(page):
        target = Path(os.path.normpath(page.parent / file)) if file else page
        assert target.exists(), f"{file}#{heading}"
        assert not heading or heading in headings(target), f"{file}#{heading}"


@pytest.mark.parametrize("source", SOURCES, ids=shown)
def test_settings_are_settings(source: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CLIENT_KEY}
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", source.read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("source", SOURCES, ids=shown)
def test_metrics_are_metrics(source: Path) -> None:
    known = {family.name for family in Metrics().registry.collect()} | {_OF_A_GPU}
    named = set(re.findall(r"(?<![\w:])verso_[a-z_]+[a-z](?![\w:])", source.read_text(encoding="utf-8")))
    assert {_PART.sub("", name) for name in named} <= known
