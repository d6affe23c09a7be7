"""manifest.json: what a bundle says of itself, and the checksum of every file it consists of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from model_store.config import DecodingConfig, FrozenModel, NetworkConfig, Task
from model_store.errors import BundleCorruptError, BundleNotFoundError, BundleVersionError

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
TOKENIZER_FILE = "tokenizer.model"
README_FILE = "README.md"
TRANSLATIONS_FILE = "translations.safetensors"
WEIGHTS_PATTERN = "weights*.safetensors"

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
VERSION_PATTERN = r"^[0-9]+(\.[0-9]+)*$"

Storage = Literal["float32", "float16", "int8"]
Count = Annotated[int, Field(ge=0)]


class Score(FrozenModel):
    """One measured quality: `value` of `metric` on `test_set` in `direction`, as printed by `command`."""

    test_set: str
    direction: str
    metric: str
    value: float
    command: str


class DataSource(FrozenModel):
    """One corpus that the weights were learned from. pairs: how many of its sentence pairs were used."""

    name: str
    licence: str
    pairs: Count
    origin: str


class FileEntry(FrozenModel):
    """One file of the bundle. The pattern leaves no way to name a file outside the bundle's folder."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(FrozenModel):
    """The whole of manifest.json.

    directions: "en-ru" for English to Russian, "en-en" for a task inside one language. languages: those that
    directions are made of. storage: how the matrices are stored. parameters: how many numbers the network has, tied
    ones counted once. created: UTC.
    formality: target languages in which a way of addressing the reader can be asked for.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    version: Annotated[str, Field(pattern=VERSION_PATTERN)]
    task: Task
    directions: Annotated[tuple[str, ...], Field(min_length=1)]
    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    formality: tuple[str, ...] = ()
    description: str
    licence: str
    created: AwareDatetime
    parameters: Count
    storage: Storage
    network: NetworkConfig
    decoding: DecodingConfig
    scores: tuple[Score, ...]
    data: tuple[DataSource, ...]
    files: tuple[FileEntry, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for field, values in (
            ("directions", self.directions),
            ("languages", self.languages),
            ("formality", self.formality),
            ("files", tuple(entry.name for entry in self.files)),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"{field}: {list(values)} names one twice")
        for direction in self.directions:
            if self._pair(direction) is None:
                raise ValueError(f"directions: {direction!r} is not a pair of the languages {list(self.languages)}")
        targets = {target for _source, target in self.pairs}
        if others := [language for language in self.formality if language not in targets]:
            raise ValueError(f"formality: {others} are no target languages of {list(self.directions)}")
        return self

    @property
    def reference(self) -> str:
        """ "name@version"."""
        return f"{self.name}@{self.version}"

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Source and target language of each direction."""
        return tuple(pair for direction in self.directions if (pair := self._pair(direction)))

    def _pair(self, direction: str) -> tuple[str, str] | None:
        """Split where both sides are languages: a code such as pt-BR has a hyphen of its own."""
        for source in self.languages:
            for target in self.languages:
                if direction == f"{source}-{target}":
                    return source, target
        return None

    def to_json(self) -> str:
        """As it stands in manifest.json."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read and validate a bundle's manifest.

    Raises:
        BundleNotFoundError: there is no such folder.
        BundleCorruptError: there is no manifest in it, or it is not JSON, or a field is missing, unknown or wrong.
        BundleVersionError: another version of the code wrote it.
    """
    path = folder / MANIFEST_FILE
    if not folder.is_dir():
        raise BundleNotFoundError(f"{folder}: no such bundle folder")
    try:
        return parse_manifest(path.read_bytes(), where=str(path))
    except OSError as error:
        raise BundleCorruptError(f"{path}: cannot be read: {error.strerror}") from error


def parse_manifest(text: bytes, *, where: str) -> Manifest:
    """Validate a manifest's text; `where` heads the error's message. Raises as `read_manifest`."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleCorruptError(f"{where}: not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise BundleCorruptError(f"{where}: not a JSON object")
    # Before anything else: another version may have other fields.
    version = raw.get("format_version")
    if version != FORMAT_VERSION or isinstance(version, bool):
        raise BundleVersionError(f"{where}: format_version is {version!r}; this code reads {FORMAT_VERSION}")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'manifest'}: {problem['msg']}" for problem in error.errors()
        )
        raise BundleCorruptError(f"{where}: {problems}") from error
