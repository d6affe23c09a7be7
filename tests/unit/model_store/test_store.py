"""The store finds name[@version] in a folder and behind a URL, and never hands out a damaged copy."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from model_store.bundle import load_bundle
from model_store.errors import BundleCorruptError, BundleError, BundleNotFoundError, ConfigError
from model_store.store import BundleReference, BundleStore, shipped_bundles
from tests.unit.model_store.tiny_bundle import DESCRIPTION, save_tiny

PUBLISHED = (("other", "1"), ("tiny", "1"), ("tiny", "9"), ("tiny", "10"), ("tiny", "10.0.1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with brackets in its path, which must not be taken for a pattern."""
    root = tmp_path / "store [1]"
    for name, version in PUBLISHED:
        save_tiny(root / name / version, replace(DESCRIPTION, name=name, version=version))
    return root


@pytest.fixture
def memory(folder: Path) -> Iterator[str]:
    """The same store in fsspec's memory."""
    url = f"memory://{uuid.uuid4().hex}"
    files = fsspec.filesystem("memory")
    for path in folder.rglob("*"):
        if path.is_file():
            files.pipe_file(f"{url}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    yield url
    files.rm(url, recursive=True)


@pytest.fixture(params=["folder", "file", "memory"])
def store(request: pytest.FixtureRequest, folder: Path, memory: str, tmp_path: Path) -> BundleStore:
    urls = {"folder": str(folder), "file": f"file://{folder}", "memory": memory}
    return BundleStore(urls[request.param], cache=tmp_path / "cache")


def test_lists_by_number(store: BundleStore) -> None:
    assert store.list() == tuple(BundleReference(name, version) for name, version in PUBLISHED)


@pytest.mark.parametrize(
    ("reference", "found"),
    [("tiny", "tiny@10.0.1"), ("tiny@9", "tiny@9"), ("tiny@10", "tiny@10"), ("other", "other@1")],
)
def test_finds_the_version_or_the_highest(store: BundleStore, reference: str, found: str) -> None:
    assert str(store.find(reference)) == found
    manifest = load_bundle(store.resolve(reference)).manifest
    assert manifest.reference == found


def test_not_found_lists_what_there_is(store: BundleStore) -> None:
    with pytest.raises(BundleNotFoundError, match=r"tiny@2: no such bundle in .*; there is other@1, tiny@1, tiny@9"):
        store.resolve("tiny@2")
    with pytest.raises(BundleNotFoundError, match=r"absent: no such bundle"):
        store.resolve("absent")


@pytest.mark.parametrize("reference", ["", "../tiny", "tiny@", "tiny@latest", "tiny@1/..", "a b", "tiny\n", "@1"])
def test_reference_that_is_none(store: BundleStore, reference: str) -> None:
    with pytest.raises(ConfigError, match="is not of the form name or name@version"):
        store.resolve(reference)


@pytest.mark.parametrize("missing", [lambda path: str(path / "absent"), lambda _path: "memory://absent"])
def test_store_that_does_not_exist_is_empty(tmp_path: Path, missing: Callable[[Path], str]) -> None:
    store = BundleStore(missing(tmp_path), cache=tmp_path / "cache")
    assert store.list() == ()
    with pytest.raises(BundleNotFoundError, match="there is nothing"):
        store.find("tiny")


def test_what_is_no_bundle_is_not_listed(folder: Path) -> None:
    (folder / "tiny" / "11").mkdir()
    (folder / "tiny" / ".12.partial").mkdir()
    (folder / "tiny" / "notes").mkdir()
    (folder / "README.md").write_text("A store.")
    assert str(BundleStore(str(folder)).find("tiny")) == "tiny@10.0.1"


def test_new_version_is_seen(folder: Path, memory: str, tmp_path: Path) -> None:
    store = BundleStore(memory, cache=tmp_path / "cache")
    assert str(store.find("tiny")) == "tiny@10.0.1"
    for path in (folder / "tiny" / "1").iterdir():
        fsspec.filesystem("memory").pipe_file(f"{memory}/tiny/11/{path.name}", path.read_bytes())
    assert str(store.find("tiny")) == "tiny@11"


def test_copies_once(memory: str, tmp_path: Path) -> None:
    store = BundleStore(memory, cache=tmp_path / "cache")
    path = store.resolve("tiny@1")
    assert path.is_relative_to(tmp_path / "cache")
    fsspec.filesystem("memory").rm_file(f"{memory}/tiny/1/weights.safetensors")
    assert store.resolve("tiny@1") == path


def test_copies_lie_in_the_cache_of_the_user(memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert BundleStore(memory).resolve("tiny@1").is_relative_to(tmp_path / "xdg" / "verso" / "bundles")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert BundleStore(memory).resolve("tiny@1").is_relative_to(tmp_path / "home" / ".cache" / "verso" / "bundles")


def test_damaged_copy_is_copied_again(memory: str, tmp_path: Path) -> None:
    store = BundleStore(memory, cache=tmp_path / "cache")
    path = store.resolve("tiny@1")
    (path / "weights.safetensors").write_bytes(b"")
    load_bundle(store.resolve("tiny@1"))


def test_damaged_bundle_is_not_copied(memory: str, tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file(f"{memory}/tiny/9/weights.safetensors", b"")
    files.rm_file(f"{memory}/tiny/10/tokenizer.model")
    files.pipe_file(f"{memory}/tiny/1/manifest.json", b"{")
    store = BundleStore(memory, cache=tmp_path / "cache")
    for reference, message in (
        ("tiny@9", r"weights.safetensors: has 0 bytes"),
        ("tiny@10", r"tokenizer.model"),
        ("tiny@1", r"manifest.json: not JSON"),
    ):
        with pytest.raises(BundleCorruptError, match=message):
            store.resolve(reference)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_store_that_cannot_be_read(memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> object:
        raise PermissionError("access denied")

    store = BundleStore(memory, cache=tmp_path / "cache")
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "ls", broken)
    with pytest.raises(BundleError, match=r"memory://.*: cannot be read: access denied"):
        store.list()


def test_url_of_no_known_kind() -> None:
    with pytest.raises(ConfigError, match="store: 'nonsense://x' is no folder and no URL"):
        BundleStore("nonsense://x")


def test_shipped_bundles_are_in_the_package() -> None:
    assert shipped_bundles().parent.name == "model_store"
