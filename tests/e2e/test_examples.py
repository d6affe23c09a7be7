"""The examples of README and docs, run as they stand there: `$ command`, and below it what it prints."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from model_store.store import shipped_bundles
from tests.integration.service.server import Served, environment, served

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DEFAULT_URL = "http://127.0.0.1:5000"


@dataclass(frozen=True)
class Example:
    """output: as it stands there; "..." at its end leaves out the rest."""

    place: str
    command: str
    output: str


def examples() -> Iterator[Example]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                lines = part.splitlines()
                end = next(index for index, line in enumerate(lines) if not line.endswith("\\")) + 1
                yield Example(document.name, "\n".join(lines[:end]), "\n".join(lines[end:]).strip())


EXAMPLES = list(examples())


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(shipped_bundles()) as running:
        yield running


def test_there_are_examples() -> None:
    assert {example.place for example in EXAMPLES} >= {"README.md", "libretranslate.md"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.place}: {each.command.splitlines()[0][:50]}")
def test_an_example_prints_what_it_says(server: Served, example: Example) -> None:
    command = example.command.replace(DEFAULT_URL, server.url)
    command = command.replace(".venv/bin/verso", f"{sys.executable} -m service.cli")
    if command.split()[0] == "curl" and shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    result = subprocess.run(
        command, shell=True, cwd=ROOT, env=environment(shipped_bundles()), capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    expected = example.output.replace(DEFAULT_URL, server.url)
    if expected.endswith("..."):
        assert result.stdout.startswith(expected.removesuffix("...").rstrip())
    else:
        assert result.stdout.strip() == expected
