"""Files that are written whole or not at all; what cannot be written is told by its place."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from model_store.errors import ConfigError


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Raises ConfigError that names `place` if what the block writes cannot be written: the disk is full perhaps."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        reason: BaseException = error
        while (
            not isinstance(reason, OSError) and reason.__context__ is not None
        ):  # torch.save covers what happened by errors of its own
            reason = reason.__context__
        raise ConfigError(f"{place} cannot be written: {reason}") from error


def tell_of_thread(stopped: threading.ExceptHookArgs) -> None:
    """A threading.excepthook, silent of a thread that keeps what stopped it: TensorBoard's writer raises that in the
    thread that writes next, which tells."""
    if getattr(stopped.thread, "exception", None) is not stopped.exc_value:
        threading.__excepthook__(stopped)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` in one rename when the block ends.

    Raises ConfigError if it cannot be written; the one before is left.
    """
    partial = path.with_suffix(".partial")
    try:
        with naming(f"{path.stem}: {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    partial.replace(path)
