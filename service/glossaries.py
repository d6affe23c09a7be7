"""Named glossaries, kept in one SQLite file (or in memory), each under whom it belongs to."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model_store.errors import ConfigError
from service.errors import GlossariesFullError, GlossaryNotFoundError, GlossaryStoreError, InvalidRequestError
from service.text.glossary import MAX_TERMS, GlossaryTerm

MOST_OF_ONE_OWNER = 100
# How long another process's lock on the file is waited for.
LOCK_S = 5.0
_TABLE = """CREATE TABLE IF NOT EXISTS glossaries (
    owner TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, terms TEXT NOT NULL,
    count INTEGER NOT NULL, changed TEXT NOT NULL, PRIMARY KEY (owner, name)
)"""


@dataclass(frozen=True)
class GlossaryInfo:
    """A kept glossary. source, target: served language codes. changed: ISO 8601, UTC."""

    name: str
    source: str
    target: str
    count: int
    changed: str


class Glossaries:
    """May be used from any thread. owner: the identity of a key; the empty one for all who have none."""

    def __init__(self, file: Path | None) -> None:
        """Open or make the file; None: kept in memory, until the process ends. Raises ConfigError."""
        self._lock = threading.Lock()
        try:
            self._database = sqlite3.connect(str(file) if file else ":memory:", timeout=LOCK_S, check_same_thread=False)
            with self._database:
                self._database.execute(_TABLE)
        except sqlite3.Error as error:
            raise ConfigError(f"glossaries_file: {file} cannot be used: {error}") from error

    async def put(self, owner: str, info: GlossaryInfo, terms: Sequence[GlossaryTerm]) -> GlossaryInfo:
        """Keep a glossary; one of that owner and name is replaced. Its `count` and `changed` are set here.

        Raises:
            InvalidRequestError: no terms, or too many. GlossariesFullError: the owner has too many glossaries.
            GlossaryStoreError: it cannot be written.
        """
        if not 1 <= len(terms) <= MAX_TERMS:
            raise InvalidRequestError("glossary", f"{len(terms)} terms; allowed: 1..{MAX_TERMS}")
        changed = datetime.now(UTC).isoformat(timespec="seconds")
        kept = GlossaryInfo(info.name, info.source, info.target, len(terms), changed)
        text = json.dumps([[term.source, term.target] for term in terms], ensure_ascii=False)
        await asyncio.to_thread(self._put, owner, kept, text)
        return kept

    async def names(self, owner: str) -> list[GlossaryInfo]:
        """The owner's glossaries, by name."""
        rows = await asyncio.to_thread(
            self._read,
            "SELECT name, source, target, count, changed FROM glossaries WHERE owner = ? ORDER BY name",
            owner,
        )
        return [GlossaryInfo(*row) for row in rows]

    async def get(self, owner: str, name: str) -> tuple[GlossaryInfo, tuple[GlossaryTerm, ...]]:
        """Raises GlossaryNotFoundError, GlossaryStoreError."""
        query = "SELECT name, source, target, count, changed, terms FROM glossaries WHERE owner = ? AND name = ?"
        rows = await asyncio.to_thread(self._read, query, owner, name)
        if not rows:
            raise GlossaryNotFoundError(name)
        *info, terms = rows[0]
        return GlossaryInfo(*info), tuple(GlossaryTerm(*pair) for pair in json.loads(terms))

    async def delete(self, owner: str, name: str) -> None:
        """Raises GlossaryNotFoundError, GlossaryStoreError."""
        if not await asyncio.to_thread(self._write, "DELETE FROM glossaries WHERE owner = ? AND name = ?", owner, name):
            raise GlossaryNotFoundError(name)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _put(self, owner: str, info: GlossaryInfo, terms: str) -> None:
        others = self._read("SELECT count(*) FROM glossaries WHERE owner = ? AND name != ?", owner, info.name)
        if others[0][0] >= MOST_OF_ONE_OWNER:
            raise GlossariesFullError(f"{others[0][0]} glossaries are kept; allowed: at most {MOST_OF_ONE_OWNER}")
        values = (owner, info.name, info.source, info.target, terms, info.count, info.changed)
        self._write("INSERT OR REPLACE INTO glossaries VALUES (?, ?, ?, ?, ?, ?, ?)", *values)

    def _read(self, query: str, *values: str | int) -> list[Any]:
        try:
            with self._lock, closing(self._database.execute(query, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise GlossaryStoreError(f"glossaries cannot be read: {error}") from error

    def _write(self, query: str, *values: str | int) -> int:
        try:
            with self._lock, self._database:
                return self._database.execute(query, values).rowcount
        except sqlite3.Error as error:
            raise GlossaryStoreError(f"glossaries cannot be written: {error}") from error
