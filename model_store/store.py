"""Where bundles are: name[@version] in a folder or at any fsspec URL, laid out as <root>/<name>/<version>/."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from model_store.atomic_folder import atomic_folder
from model_store.bundle import verify_bundle
from model_store.errors import BundleCorruptError, BundleError, BundleNotFoundError, ConfigError
from model_store.manifest import MANIFEST_FILE, NAME_PATTERN, VERSION_PATTERN, parse_manifest
from model_store.user_cache import user_cache

_REFERENCE = re.compile(rf"(?P<name>{NAME_PATTERN[1:-1]})(?:@(?P<version>{VERSION_PATTERN[1:-1]}))?")


def shipped_bundles() -> Path:
    """The store inside the package."""
    return Path(__file__).parent / "bundles"


def default_cache() -> Path:
    """Where copies of remote bundles are kept unless the caller says otherwise."""
    return user_cache() / "bundles"


@dataclass(frozen=True)
class BundleReference:
    """One published bundle."""

    name: str
    version: str

    @property
    def order(self) -> tuple[str, tuple[int, ...]]:
        """Sorts names, then versions by number: 10 comes after 9."""
        return self.name, tuple(int(part) for part in self.version.split("."))

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class BundleStore:
    """Read access to one store: that at `url`, or else the one inside the package. Remote bundles are copied into
    `cache`, whole and verified, before they are used."""

    def __init__(self, url: str = "", *, cache: Path | None = None) -> None:
        url = url or str(shipped_bundles())
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"store: {url!r} is no folder and no URL that can be read: {error}") from error
        self.url = url
        self._cache = cache if cache is not None else default_cache()
        self._local = isinstance(self._files, LocalFileSystem)

    def list(self) -> tuple[BundleReference, ...]:
        """All bundles, by name and ascending version. A store that does not exist has none.

        Raises:
            BundleError: the store cannot be read.
        """
        with self._readable():
            self._files.invalidate_cache()
            found = [
                BundleReference(name, version)
                for name in self._folders(self._root, NAME_PATTERN)
                for version in self._folders(f"{self._root}/{name}", VERSION_PATTERN)
                if self._files.exists(f"{self._root}/{name}/{version}/{MANIFEST_FILE}")
            ]
        return tuple(sorted(found, key=lambda reference: reference.order))

    def find(self, reference: str) -> BundleReference:
        """The bundle that "name" (its highest version) or "name@version" means.

        Raises:
            ConfigError: `reference` is not of that form.
            BundleNotFoundError: there is none; the message lists what there is.
        """
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise ConfigError(f"bundle: {reference!r} is not of the form name or name@version")
        there = self.list()
        fitting = [each for each in there if each.name == match["name"] and match["version"] in (None, each.version)]
        if not fitting:
            known = ", ".join(map(str, there)) or "nothing"
            raise BundleNotFoundError(f"{reference}: no such bundle in {self.url}; there is {known}")
        return fitting[-1]

    def resolve(self, reference: str) -> Path:
        """A local folder that holds the bundle, to be given to load_bundle. Raises as `find`, and BundleError."""
        bundle = self.find(reference)
        remote = f"{self._root}/{bundle.name}/{bundle.version}"
        if self._local:
            return Path(remote)
        with self._readable():
            text = self._files.cat_file(f"{remote}/{MANIFEST_FILE}")
        # By content, so that a version published anew elsewhere is another folder and nothing is ever replaced.
        target = self._cache / hashlib.sha256(text).hexdigest()[:16] / bundle.name / bundle.version
        if not _is_whole(target):
            self._copy(remote, text, target)
        return target

    def _folders(self, path: str, pattern: str) -> tuple[str, ...]:
        """Names of the folders in `path` that fit `pattern`; those that are still being written do not."""
        try:
            entries = self._files.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        names = (entry["name"].rstrip("/").rpartition("/")[2] for entry in entries if entry["type"] == "directory")
        return tuple(name for name in names if re.fullmatch(pattern, name))

    def _copy(self, remote: str, text: bytes, target: Path) -> None:
        manifest = parse_manifest(text, where=f"{self.url}: {remote}/{MANIFEST_FILE}")
        try:
            with atomic_folder(target) as partial:
                (partial / MANIFEST_FILE).write_bytes(text)
                for entry in manifest.files:
                    with self._readable():
                        content = self._files.cat_file(f"{remote}/{entry.name}")
                    (partial / entry.name).write_bytes(content)
                verify_bundle(partial)
        except OSError as error:
            # Another process may have copied the same bundle meanwhile.
            if not _is_whole(target):
                raise BundleError(f"{target}: no copy of {self.url} can be written there: {error}") from error

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say which store it was that could not be read. Implementations of fsspec raise OSErrors of many kinds."""
        try:
            yield
        except FileNotFoundError as error:
            raise BundleCorruptError(f"{self.url}: a file is missing: {error}") from error
        except OSError as error:
            raise BundleError(f"{self.url}: cannot be read: {error}") from error


def _is_whole(target: Path) -> bool:
    """Whether there is a good copy; a damaged one is removed."""
    if not target.exists():
        return False
    try:
        verify_bundle(target)
    except BundleError:
        shutil.rmtree(target)
        return False
    return True
