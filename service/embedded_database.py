"""An SQLite file, or a database in memory, that a part of the service keeps its own things in."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from model_store.errors import ConfigError
from service.errors import ServiceError

# How long another process's lock on a file that several have is waited for; one that is a process's own is free or not.
LOCK_S = 5.0
_OWN_LOCK_S = 1.0


class EmbeddedDatabase:
    """Used from any thread, in one transaction at a time, each of which takes as long as a disk does: not for the event
    loop.

    Args:
        file: readable by its owner only; None: in memory.
        setting: that names the file, for the message of what is wrong with it.
        schema: statements, of which those that are done already do nothing.
        version: of the schema. failed: makes what is raised when the file cannot be used any more.
        own: whether one process has it at a time, and what is deleted is overwritten.

    Raises:
        ConfigError: the file cannot be used, or is of another version.
    """

    def __init__(
        self,
        file: Path | None,
        setting: str,
        schema: Sequence[str],
        *,
        version: int,
        failed: Callable[[str], ServiceError],
        own: bool = False,
    ) -> None:
        self._lock = threading.Lock()
        self._failed = failed
        try:
            self._connection = _opened(file, own=own)
            found = self._begun(schema, version)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"{setting}: {file} cannot be used: {error}") from error
        weakref.finalize(self, self._connection.close)  # of an app that was made and never ran
        if found not in (0, version):
            raise ConfigError(f"{setting}: {file} has version {found}; allowed: {version}")

    def _begun(self, schema: Sequence[str], version: int) -> int:
        """The version of the schema before; 0 if there was none."""
        self._connection.execute("BEGIN IMMEDIATE")
        found = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if found in (0, version):
            for statement in schema:
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version={version}")
        self._connection.execute("COMMIT")
        return found

    @contextlib.contextmanager
    def transaction(self, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
        """Everything in it is done, or nothing. writes: whether it may; what only reads waits for no other process that
        reads. Raises what `failed` makes."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
                try:
                    yield self._connection
                except BaseException:
                    if self._connection.in_transaction:  # a full disk has ended it already
                        self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._failed(str(error)) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


def _opened(file: Path | None, *, own: bool) -> sqlite3.Connection:
    if file is not None:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    wait_s = _OWN_LOCK_S if own else LOCK_S
    connection = sqlite3.connect(file or ":memory:", timeout=wait_s, check_same_thread=False, isolation_level=None)
    connection.row_factory = sqlite3.Row
    if own:
        for pragma in ("locking_mode=EXCLUSIVE", "auto_vacuum=FULL", "journal_mode=WAL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection
