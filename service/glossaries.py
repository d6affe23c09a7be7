"""Named glossaries, kept in one SQLite file (or in memory), each under whom it belongs to."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.embedded_database import EmbeddedDatabase
from service.errors import GlossariesFullError, GlossaryNotFoundError, GlossaryStoreError, InvalidRequestError
from service.text.glossary import MAX_TERMS, GlossaryTerm

MOST_OF_ONE_OWNER = 100
_TABLE = """CREATE TABLE IF NOT EXISTS glossaries (
    owner TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, terms TEXT NOT NULL,
    count INTEGER NOT NULL, changed TEXT NOT NULL, PRIMARY KEY (owner, name)
)"""
_INFO = "SELECT name, source, target, count, changed, terms FROM glossaries"


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
        self._database = EmbeddedDatabase(file, "glossaries_file", (_TABLE,), version=1, failed=_failed)

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
        rows = await asyncio.to_thread(self._rows, f"{_INFO} WHERE owner = ? ORDER BY name", owner)
        return [_info(row) for row in rows]

    async def get(self, owner: str, name: str) -> tuple[GlossaryInfo, tuple[GlossaryTerm, ...]]:
        """Raises GlossaryNotFoundError, GlossaryStoreError."""
        rows = await asyncio.to_thread(self._rows, f"{_INFO} WHERE owner = ? AND name = ?", owner, name)
        if not rows:
            raise GlossaryNotFoundError(name)
        return _info(rows[0]), tuple(GlossaryTerm(*pair) for pair in json.loads(rows[0]["terms"]))

    async def delete(self, owner: str, name: str) -> None:
        """Raises GlossaryNotFoundError, GlossaryStoreError."""
        if not await asyncio.to_thread(self._delete, owner, name):
            raise GlossaryNotFoundError(name)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _put(self, owner: str, info: GlossaryInfo, terms: str) -> None:
        values = (owner, info.name, info.source, info.target, terms, info.count, info.changed)
        with self._database.transaction() as db:
            query = "SELECT count(*) FROM glossaries WHERE owner = ? AND name != ?"
            (others,) = db.execute(query, (owner, info.name)).fetchone()
            if others >= MOST_OF_ONE_OWNER:
                raise GlossariesFullError(f"{others} glossaries are kept; allowed: at most {MOST_OF_ONE_OWNER}")
            db.execute("INSERT OR REPLACE INTO glossaries VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def _rows(self, query: str, *values: str) -> list[sqlite3.Row]:
        with self._database.transaction(writes=False) as db:
            return db.execute(query, values).fetchall()

    def _delete(self, owner: str, name: str) -> int:
        with self._database.transaction() as db:
            return db.execute("DELETE FROM glossaries WHERE owner = ? AND name = ?", (owner, name)).rowcount


def _info(row: sqlite3.Row) -> GlossaryInfo:
    return GlossaryInfo(row["name"], row["source"], row["target"], row["count"], row["changed"])


def _failed(problem: str) -> GlossaryStoreError:
    return GlossaryStoreError(f"glossaries cannot be read or written: {problem}")
