"""The examples of README and docs, run as they stand there: `$ command`, and below it what it prints."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from model_store.store import shipped_bundles
from tests.e2e.documents import DOCUMENTS, ROOT
from tests.integration.service.server import Served, environment, served
from training.recipe_file import load_recipe

DEFAULT_URL = "http://127.0.0.1:5000"


@dataclass(frozen=True)
class Example:
    """output: as it stands there; "..." at its end leaves out the rest."""

    command: str
    output: str


@dataclass(frozen=True)
class Block:
    """Examples that one shell runs after each other, or a program in Python without any."""

    place: str
    text: str
    examples: tuple[Example, ...]


def examples_of(text: str) -> Iterator[Example]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = next(end for end in range(1, len(lines) + 1) if not _goes_on(lines[:end]))
        yield Example("\n".join(lines[:end]), "\n".join(lines[end:]).strip())


def _goes_on(lines: Sequence[str]) -> bool:
    """Whether a command is not all there: a quotation is open, or a line is to be continued."""
    try:
        shlex.split("\n".join(lines), comments=True)
    except ValueError:
        return True
    return lines[-1].endswith("\\")


def blocks() -> Iterator[Block]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for language, inside in re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            examples = tuple(examples_of(inside))
            if examples or language == "python":
                yield Block(document.name, inside, examples)


BLOCKS = list(blocks())


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(shipped_bundles()) as running:
        yield running


def test_recipes_are_recipes(tmp_path: Path) -> None:
    recipes = [
        inside
        for document in DOCUMENTS
        for inside in re.findall(r"^```toml\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    ]
    assert recipes
    (tmp_path / "training").symlink_to(ROOT / "training")  # for those that extend a recipe of Verso's
    for text in recipes:
        path = tmp_path / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        load_recipe(path)


def test_there_are_examples() -> None:
    assert {block.place for block in BLOCKS} >= {
        *("README.md", "command-line.md", "documents.md", "glossaries.md", "libretranslate.md", "security.md"),
    }
    assert any(not block.examples for block in BLOCKS)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda each: f"{each.place}: {each.text.splitlines()[0][:50]}")
def test_examples_print_what_they_say(server: Served, block: Block) -> None:
    if "curl" in block.text and shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    commands = [f"{each.command}\nprintf '\\0'\n" for each in block.examples]
    script = "".join(["set -e\n", *commands]).replace(".venv/bin/verso", f"{sys.executable} -m service.cli")
    result = subprocess.run(
        ["sh", "-c", script.replace(DEFAULT_URL, server.url)]
        if block.examples
        else [sys.executable, "-c", block.text.replace(DEFAULT_URL, server.url)],
        cwd=ROOT,
        env=environment(shipped_bundles()),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for example, printed in zip(block.examples, result.stdout.split("\0"), strict=False):
        expected = example.output.replace(DEFAULT_URL, server.url)
        if expected.endswith("..."):
            assert printed.startswith(expected.removesuffix("...").rstrip())
        else:
            assert printed.strip() == expected
