"""Where bundles are: name[@version] in a folder or at any fsspec URL, laid out as <root>/<name>/<version>/."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from model_store.atomic_folder import atomic_folder
from model_store.bundle import verify_bundle
from model_store.errors import BundleCorruptError, BundleError, BundleNotFoundError, ConfigError
from model_store.manifest import MANIFEST_FILE, NAME_PATTERN, VERSION_PATTERN, parse_manifest

_REFERENCE = re.compile(rf"(?P<name>{NAME_PATTERN[1:-1]})(?:@(?P<version>{VERSION_PATTERN[1:-1]}))?")


def shipped_bundles() -> Path:
    """The store inside the package."""
    return Path(__file__).parent / "bundles"


def default_cache() -> Path:
    """Where copies of remote bundles are kept unless the caller says otherwise."""
    return Path.home() / ".cache" / "verso" / "bundles"


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
    """Read access to one store. Remote bundles are copied into `cache`, whole and verified, before they are used."""

    def __init__(self, url: str, *, cache: Path | None = None) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise ConfigError(f"store: {url!r} is no folder and no URL that can be read: {error}") from error
        self.url = url
        self._cache = cache if cache is not None else default_cache()
        self._local = isinstance(self._files, LocalFileSystem)

    def list(self) -> tuple[BundleReference, ...]:
        """All bundles, by name and ascending version. A store that does not exist has none."""
        found = []
        for path in self._files.glob(f"{self._root}/*/*/{MANIFEST_FILE}"):
            name, version = path.split("/")[-3:-1]
            if re.fullmatch(NAME_PATTERN, name) and re.fullmatch(VERSION_PATTERN, version):
                found.append(BundleReference(name, version))
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
        text = self._files.cat_file(f"{remote}/{MANIFEST_FILE}")
        # By content, so that a version published anew elsewhere is another folder and nothing is ever replaced.
        target = self._cache / hashlib.sha256(text).hexdigest()[:16] / bundle.name / bundle.version
        if target.exists():
            try:
                verify_bundle(target)
                return target
            except BundleError:
                shutil.rmtree(target)
        self._copy(remote, text, target)
        return target

    def _copy(self, remote: str, text: bytes, target: Path) -> None:
        manifest = parse_manifest(text, where=f"{self.url}: {remote}/{MANIFEST_FILE}")
        with atomic_folder(target) as partial:
            (partial / MANIFEST_FILE).write_bytes(text)
            for entry in manifest.files:
                try:
                    content = self._files.cat_file(f"{remote}/{entry.name}")
                except OSError as error:
                    raise BundleCorruptError(f"{remote}/{entry.name}: cannot be read: {error}") from error
                (partial / entry.name).write_bytes(content)
            verify_bundle(partial)
