"""A bundle: network, tokenizer and manifest in one folder, written once, verified whenever it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor, nn

from model_store.atomic_folder import atomic_folder
from model_store.config import DecodingConfig, NetworkConfig, Task
from model_store.errors import BundleCorruptError, BundleError, ConfigError
from model_store.manifest import (
    MANIFEST_FILE,
    README_FILE,
    TOKENIZER_FILE,
    TRANSLATIONS_FILE,
    WEIGHTS_PATTERN,
    DataSource,
    FileEntry,
    Manifest,
    Score,
    Storage,
    read_manifest,
)
from model_store.model_card import model_card
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from model_store.translations import Translations, pack_translations, unpack_translations
from model_store.tying import blank_network, tie, untie
from model_store.weights import pack_weights, unpack_weights


@dataclass(frozen=True)
class BundleDescription:
    """What only the maker of a bundle knows; the rest of the manifest follows from weights and tokenizer.

    directions: (source, target) pairs of language codes. formality: as in the manifest. created: in UTC.
    """

    name: str
    version: str
    task: Task
    directions: tuple[tuple[str, str], ...]
    network: NetworkConfig
    decoding: DecodingConfig
    storage: Storage = "float32"
    formality: tuple[str, ...] = ()
    description: str = ""
    licence: str = "not stated"
    scores: tuple[Score, ...] = ()
    data: tuple[DataSource, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory.

    weights: name to float32 tensor, as `Seq2Seq.state_dict` has them; tied names hold the same tensor.
    translations: by target language, for shortlists; of none if the bundle has no such file.
    """

    folder: Path
    manifest: Manifest
    tokenizer: Tokenizer
    weights: Mapping[str, Tensor]
    translations: Mapping[str, Translations] = field(default_factory=dict)

    def network(self) -> Seq2Seq:
        """The network on the CPU, in eval mode, without gradients. It shares the memory of `weights`."""
        network = blank_network(self.manifest.network)
        # One Parameter for each tensor, so that tied names stay one parameter.
        parameters = {id(tensor): nn.Parameter(tensor, requires_grad=False) for tensor in self.weights.values()}
        state = {name: parameters[id(tensor)] for name, tensor in self.weights.items()}
        network.load_state_dict(state, strict=True, assign=True)
        return network.requires_grad_(False).eval()


def save_bundle(
    folder: Path,
    *,
    description: BundleDescription,
    weights: Mapping[str, Tensor],
    tokenizer: Tokenizer,
    translations: Mapping[str, Translations] | None = None,
) -> Manifest:
    """Write a bundle. It appears at `folder` whole or not at all, and is never written again.

    weights: a state_dict of `Seq2Seq(description.network)`; a tied matrix is stored once. The same input gives the
    same bytes. translations: by target language; a file of their own, if there are some.

    Raises:
        ConfigError: a field of `description` is outside what is allowed, or does not fit the tokenizer.
        BundleError: `folder` exists, or the weights are not the network's, or not finite.
    """
    if folder.exists():
        raise BundleError(f"{folder}: exists already, and a bundle is never overwritten; choose another version")
    _check_tokenizer(description, tokenizer)
    stored = untie(description.network, weights)
    files = {TOKENIZER_FILE: tokenizer.serialized, **pack_weights(stored, description.storage)}
    if translations:
        files[TRANSLATIONS_FILE] = pack_translations(translations)
    parameters = sum(tensor.numel() for tensor in stored.values())
    card = model_card(_manifest(description, parameters, files)).encode()
    manifest = _manifest(description, parameters, {README_FILE: card, **files})
    with atomic_folder(folder) as partial:
        for name, content in {**files, README_FILE: card, MANIFEST_FILE: manifest.to_json().encode()}.items():
            (partial / name).write_bytes(content)
    return manifest


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle, once it holds exactly the files that its manifest lists, byte for byte.

    Raises:
        BundleNotFoundError: there is no such folder.
        BundleVersionError: its format is not one that this code reads.
        BundleCorruptError: anything else that is wrong; the message names the file.
    """
    manifest = read_manifest(folder)
    return _bundle(folder, manifest, dict(_verified_files(folder, manifest)))


def load_again(folder: Path, manifest: Manifest) -> Bundle:
    """Read a bundle that was loaded before, and had that manifest then. Of what lies in the folder by now only what
    decodes has to be as it was, byte for byte: not the manifest, the card, or what else is there.

    Raises:
        BundleCorruptError: it is not; the message names the file.
    """
    needed = [entry for entry in manifest.files if entry.name != README_FILE]
    try:
        return _bundle(folder, manifest, {entry.name: _read_verified(folder, entry) for entry in needed})
    except BundleCorruptError as error:
        raise BundleCorruptError(f"{folder}: is not the bundle any more that was loaded from there: {error}") from error


def _bundle(folder: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Bundle:
    """files: contents, verified. Raises BundleCorruptError."""
    if TOKENIZER_FILE not in files:
        raise BundleCorruptError(f"{folder / MANIFEST_FILE}: files: {TOKENIZER_FILE} is not listed")
    try:
        tokenizer = Tokenizer(files[TOKENIZER_FILE])
        _check_tokenizer(manifest, tokenizer)
    except ConfigError as error:
        raise BundleCorruptError(f"{folder / TOKENIZER_FILE}: {error}") from error
    shards = [(name, content) for name, content in files.items() if fnmatch(name, WEIGHTS_PATTERN)]
    try:
        weights = tie(manifest.network, unpack_weights(shards))
    except BundleError as error:
        raise BundleCorruptError(f"{folder / WEIGHTS_PATTERN}: {error}") from error
    return Bundle(folder, manifest, tokenizer, weights, _translations(folder, files, manifest))


def _translations(folder: Path, files: Mapping[str, bytes], manifest: Manifest) -> dict[str, Translations]:
    if TRANSLATIONS_FILE not in files:
        return {}
    try:
        found = unpack_translations(files[TRANSLATIONS_FILE], vocabulary=manifest.network.vocabulary)
    except BundleCorruptError as error:
        raise BundleCorruptError(f"{folder / TRANSLATIONS_FILE}: {error}") from error
    if others := sorted(set(found) - {target for _source, target in manifest.pairs}):
        raise BundleCorruptError(f"{folder / TRANSLATIONS_FILE}: {others} are no target languages of the bundle")
    return found


def verify_bundle(folder: Path) -> Manifest:
    """Check what `load_bundle` checks of the files, without loading them. Raises as it does."""
    manifest = read_manifest(folder)
    for _name, _content in _verified_files(folder, manifest):
        pass
    return manifest


def _manifest(description: BundleDescription, parameters: int, files: Mapping[str, bytes]) -> Manifest:
    languages = dict.fromkeys(language for pair in description.directions for language in pair)
    try:
        return Manifest(
            name=description.name,
            version=description.version,
            task=description.task,
            directions=tuple(f"{source}-{target}" for source, target in description.directions),
            languages=tuple(languages),
            formality=description.formality,
            description=description.description,
            licence=description.licence,
            created=description.created,
            parameters=parameters,
            storage=description.storage,
            network=description.network,
            decoding=description.decoding,
            scores=description.scores,
            data=description.data,
            files=tuple(
                FileEntry(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
                for name, content in sorted(files.items())
            ),
        )
    except ValidationError as error:
        raise ConfigError.from_validation("bundle", error) from error


def _verified_files(folder: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """Names and contents, one in memory at a time. A file too many would be a file that nobody has vouched for."""
    listed = {MANIFEST_FILE, *(entry.name for entry in manifest.files)}
    for path in sorted(folder.iterdir()):
        if path.name not in listed:
            raise BundleCorruptError(f"{path}: not listed in {MANIFEST_FILE}")
    for entry in manifest.files:
        yield entry.name, _read_verified(folder, entry)


def _read_verified(folder: Path, entry: FileEntry) -> bytes:
    path = folder / entry.name
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BundleCorruptError(f"{path}: is missing") from error
    except OSError as error:
        raise BundleCorruptError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) != entry.bytes:
        raise BundleCorruptError(f"{path}: has {len(content)} bytes; the manifest says {entry.bytes}")
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise BundleCorruptError(f"{path}: was altered: its sha256 is not the one in the manifest")
    return content


def _check_tokenizer(described: BundleDescription | Manifest, tokenizer: Tokenizer) -> None:
    """Whether the tokenizer can ask the network for what the bundle promises."""
    if tokenizer.vocabulary != described.network.vocabulary:
        raise ConfigError(
            f"network.vocabulary: {described.network.vocabulary} is not the tokenizer's, {tokenizer.vocabulary}"
        )
    pairs = described.pairs if isinstance(described, Manifest) else described.directions
    for _source, target in pairs:
        tokenizer.prefix_ids(target, described.task)
    if described.formality and not tokenizer.has_formality:
        raise ConfigError(f"formality: {list(described.formality)}, but the tokenizer has no tokens for it")
