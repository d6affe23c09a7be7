"""Picks the reader for a source by its format and finds the source's files."""

from __future__ import annotations

from pathlib import Path

from model_store.errors import ConfigError
from training.config import SourceConfig, TestSetConfig
from training.corpora.pair import Items
from training.corpora.tsv import read_tsv


def read_source(config: SourceConfig, data_root: Path) -> Items:
    """Everything in a training source, in file order; `limit` and `repeat` are the caller's to apply.

    Raises:
        ConfigError: `path` matches no file; at the call, not at the first item.
        CorpusError: the source cannot be read, while it is read.
    """
    return _read(config, data_root)


def read_test_set(config: TestSetConfig, data_root: Path) -> Items:
    """Everything in a held-out set, in file order; raises as read_source does."""
    return _read(config, data_root)


def _read(config: SourceConfig | TestSetConfig, data_root: Path) -> Items:
    match config.format:
        case "tsv":
            return (item for path in _files(config, data_root) for item in read_tsv(path))
        case _:
            raise ConfigError(f"{config.name}.format: {config.format!r} has no reader yet")


def _files(config: SourceConfig | TestSetConfig, data_root: Path) -> list[Path]:
    """The files that `path` names, sorted; a path that exists is taken as it is, else as a glob."""
    if not config.path:
        raise ConfigError(f"{config.name}.path: is empty; format {config.format!r} reads a file or a glob of files")
    whole = data_root / config.path
    if whole.is_file():
        return [whole]
    parts = Path(config.path).parts
    root, pattern = (Path(parts[0]), parts[1:]) if whole.is_absolute() and parts[0] == "/" else (data_root, parts)
    found = sorted(path for path in root.glob(str(Path(*pattern))) if path.is_file())
    if not found:
        raise ConfigError(f"{config.name}.path: {config.path!r} matches no file in {data_root.resolve()}")
    return found
