"""Picks the reader for a source by its format and finds the source's files."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from model_store.errors import ConfigError
from training.corpora.debian_descriptions import read_debian_descriptions
from training.corpora.gettext import read_gettext
from training.corpora.moses import find_moses, read_moses
from training.corpora.out_of_domain import read_out_of_domain
from training.corpora.own_translations import read_own_translations
from training.corpora.pair import Items
from training.corpora.phrasebook import read_newsbook, read_phrasebook, read_sentencebook, read_wordbook
from training.corpora.tmx import read_tmx
from training.corpora.tsv import read_tsv
from training.data_config import TestSetConfig
from training.source_config import SourceConfig

_BOOKS = {
    "newsbook": read_newsbook,
    "phrasebook": read_phrasebook,
    "sentencebook": read_sentencebook,
    "wordbook": read_wordbook,
}


def read_source(config: SourceConfig | TestSetConfig, data_root: Path) -> Items:
    """Everything in a training source or a held-out set, in file order; `limit` and `repeat` are the caller's to apply.

    Raises:
        ConfigError: `path` matches no file; at the call, not at the first item.
        CorpusError: the source cannot be read, while it is read.
    """
    left, right = config.left, config.right
    match config.format:
        case "tsv":
            return chain.from_iterable(read_tsv(path) for path in _files(config, data_root))
        case "tmx":
            return _tmx(config, data_root)
        case "gettext":
            return chain.from_iterable(read_gettext(path, right) for path in _files(config, data_root))
        case "moses":
            return read_moses(*find_moses(data_root / _path(config), left, right, field=f"{config.name}.path"))
        case "out_of_domain":
            return chain.from_iterable(read_out_of_domain(path, config.column) for path in _files(config, data_root))
        case "debian_descriptions":
            return read_debian_descriptions(left, right)
        case "own_translations":
            return read_own_translations(_files(config, data_root), left, right)
        case "newsbook" | "phrasebook" | "sentencebook" | "wordbook":
            return _BOOKS[config.format](left, right)
        case "word_pairs":
            return iter(())  # learned when the others are there: training/preparation.py


def _tmx(config: SourceConfig | TestSetConfig, data_root: Path) -> Items:
    left, right = config.left, config.right
    if left == right:
        raise ConfigError(
            f"{config.name}.format: 'tmx' does not tell two texts in {left!r} apart; allowed: 'tsv', 'moses'"
        )
    return chain.from_iterable(read_tmx(path, left, right) for path in _files(config, data_root))


def _path(config: SourceConfig | TestSetConfig) -> str:
    if not config.path:
        raise ConfigError(f"{config.name}.path: is empty; format {config.format!r} needs a path under data_root")
    return config.path


def _files(config: SourceConfig | TestSetConfig, data_root: Path) -> list[Path]:
    """The files that `path` names, sorted; a path that exists is taken as it is, else as a glob."""
    path = _path(config)
    whole = data_root / path
    if whole.is_file():
        return [whole]
    if whole.is_dir():
        raise ConfigError(f"{config.name}.path: {path!r} is a folder; allowed: a file, or a pattern such as '**/*.po'")
    parts = Path(path).parts
    anchor = Path(path).anchor
    root, pattern = (Path(anchor), parts[1:]) if anchor else (data_root, parts)
    try:
        found = sorted(file for file in root.glob(str(Path(*pattern))) if file.is_file())
    except ValueError as error:
        raise ConfigError(f"{config.name}.path: {path!r} is no file and no pattern: {error}") from error
    if not found:
        raise ConfigError(f"{config.name}.path: {path!r} matches no file in {data_root.resolve()}")
    return found
