"""The rules of the house that a machine can check: sizes, names, and a map that is true."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("model_store", "training", "service", "verso")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MOST_LINES_OF_A_MODULE = 300
MOST_LINES_OF_A_FUNCTION = 60
NAMES_THAT_SAY_NOTHING = {"utils", "helpers", "common", "base", "manager", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES_OF_A_MODULE
    assert path.stem not in NAMES_THAT_SAY_NOTHING
    tree = ast.parse(text)
    if tree.body:
        assert ast.get_docstring(tree), "the first line of a module is its one responsibility"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < MOST_LINES_OF_A_FUNCTION, node.name


def test_the_map_names_every_module_and_nothing_else() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = text.split("## The map")[1].split("```")[1]
    mentioned = set(re.findall(r"[a-z0-9_]+\.py", block))
    there = {path.name for path in MODULES if path.name != "__init__.py"}
    assert mentioned - there == set(), "named in docs/architecture.md, but gone"
    assert there - mentioned == set(), "missing in docs/architecture.md"


# Dates that are written down for people to read, or kept over a restart; and quotas, whose windows replicas share by
# the wall clock.
MAY_ASK_THE_WALL_CLOCK = {
    "service/access.py",
    "service/documents/store.py",
    "service/glossaries.py",
    "service/keys.py",
    "service/quota_store.py",
    "service/suggestions.py",
    "service/telemetry.py",
}


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.is_relative_to(ROOT / "service")], ids=lambda path: path.stem
)
def test_the_service_measures_time_by_the_monotonic_clock(path: Path) -> None:
    asks = re.search(r"\btime\.time\(|\bdatetime\.now\(|\butcnow\(|\btoday\(", path.read_text(encoding="utf-8"))
    assert not asks or str(path.relative_to(ROOT)) in MAY_ASK_THE_WALL_CLOCK
