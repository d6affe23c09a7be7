"""Where one recipe's work lies: prepared data, checkpoint, curves, scores, bundles."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from training.data_config import HELD_OUT
from training.writing import naming


@dataclass(frozen=True)
class RunFolder:
    """Paths under `root`; nothing is created until something is written."""

    root: Path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from holding the folder, which is made, until this one lets it go or ends, however.

        Raises ConfigError if another process holds it, or it cannot be made. A file system that knows no locks keeps
        nobody away.
        """
        with naming(f"--runs: {self.root}"):
            self.root.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.root, os.O_RDONLY)
        try:
            with suppress(OSError):
                _lock(folder, self.root)
            yield
        finally:
            os.close(folder)

    @property
    def tokenizer(self) -> Path:
        return self.root / "data" / "tokenizer.model"

    def load_tokenizer(self) -> Tokenizer:
        """Raises ConfigError if the file is not whole."""
        try:
            return Tokenizer.load(self.tokenizer)
        except (ConfigError, OSError) as error:
            raise _not_whole(self.tokenizer, error) from error

    @property
    def train(self) -> Path:
        return self.root / "data" / "train"

    @property
    def validation(self) -> Path:
        return self.root / "data" / "validation"

    def held_out(self, left: str, right: str, name: str = HELD_OUT) -> Path:
        """The test set of that name that was drawn from the sources of those languages, if the recipe asks for it."""
        named = "" if name == HELD_OUT else f".{name}"
        return self.root / "data" / f"held_out{named}.{left}-{right}.tsv"

    @property
    def report(self) -> Path:
        return self.root / "data" / "report.json"

    @property
    def prepared(self) -> Path:
        """Everything of the recipe that the prepared data depends on."""
        return self.root / "data" / "prepared.json"

    @property
    def checkpoint(self) -> Path:
        return self.root / "checkpoint.pt"

    @property
    def beginning(self) -> Path:
        """Which bundle's weights the run began with, if it did with one's."""
        return self.root / "beginning.json"

    @property
    def curves(self) -> Path:
        return self.root / "tensorboard"

    @property
    def scores(self) -> Path:
        return self.root / "scores.json"

    @property
    def bundles(self) -> Path:
        """A store: <name>/<version>/ below it."""
        return self.root / "bundles"


def read_json(path: Path) -> dict[str, Any]:
    """What `prepare` wrote there. Raises ConfigError if it is not there, or not whole."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _not_whole(path, error) from error
    return content


def _not_whole(path: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{path}: is not whole ({error}); remove {path.parent} and prepare again")


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(
            f"{root}: another process prepares or trains there; wait for it, or choose another --runs"
        ) from error
