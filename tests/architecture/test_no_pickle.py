"""Nothing that is read from a disk or a network can run code: no pickle, no evaluation, anywhere in the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.test_house import MODULES, ROOT

# They make objects of bytes by running what the bytes say.
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "pickle5"}
# An exception to catch, which loads nothing.
SAFE_NAMES = {("pickle", "UnpicklingError")}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
# Whose default would unpickle, with the argument that forbids it.
LOADERS = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}


def unsafe(tree: ast.AST) -> Iterator[str]:
    """What in a source could run what it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"import {name.name}" for name in node.names if name.name.split(".")[0] in UNSAFE_MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNSAFE_MODULES:
            for name in node.names:
                if (node.module, name.name) not in SAFE_NAMES:
                    yield f"from {node.module} import {name.name}"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in UNSAFE_CALLS:
                yield f"{called}()"
            argument, value = LOADERS.get(called, ("", None))
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if argument and given.get(argument) != str(value):
                yield f"{called}() without {argument}={value}"
            if called.endswith(("yaml.load", "read_pickle", "to_pickle")) or given.get("allow_pickle") == "True":
                yield f"{called}()"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_unpickles(path: Path) -> None:
    assert list(unsafe(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "from joblib import load",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "pandas.read_pickle(path)",
        "yaml.load(text)",
    ],
)
def test_the_search_would_find_it(source: str) -> None:
    assert list(unsafe(ast.parse(source)))


def test_no_bundle_that_ships_has_a_pickle_in_it() -> None:
    files = [path for path in (ROOT / "model_store" / "bundles").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".model", ".md"}
    for path in files:
        head = path.read_bytes()[:4]
        assert not head.startswith((b"\x80", b"PK\x03\x04")), f"{path} begins as a pickle or a zip does"
