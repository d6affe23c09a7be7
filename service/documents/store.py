"""Jobs in an embedded database: what was asked for, how far it is, and what came out. It survives a restart."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from service.documents.translation import Order, Report
from service.embedded_database import EmbeddedDatabase
from service.errors import DocumentStoreError

State = Literal["queued", "running", "done", "failed"]

_VERSION = 1
_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, client TEXT NOT NULL, weight REAL NOT NULL, state TEXT NOT NULL,
    name TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, model TEXT, characters INTEGER NOT NULL,
    total INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    warnings TEXT NOT NULL DEFAULT '{}', models TEXT NOT NULL DEFAULT '[]', error TEXT,
    created REAL NOT NULL, expires REAL NOT NULL, content BLOB, result BLOB)""",
    "CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created)",
    """CREATE TABLE IF NOT EXISTS texts (
    job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, place INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (job, place)) WITHOUT ROWID""",
    # Whatever ran when the process before this one ended is to be taken up again.
    "UPDATE jobs SET state = 'queued' WHERE state = 'running'",
)
_COLUMNS = (
    "id, owner, client, weight, state, name, source, target, model, characters, total, done, attempts, warnings, "
    "models, error, created, expires"
)


@dataclass(frozen=True)
class JobError:
    """Why a job failed, in the words of the API."""

    type: str
    message: str
    field: str | None = None


@dataclass(frozen=True)
class NewJob:
    """owner: the key that a job belongs to; empty: whoever knows its id. client, weight: for sharing the engine. name:
    of the file. segments, characters: to translate."""

    id: str
    owner: str
    client: str
    weight: float
    name: str
    order: Order
    segments: int
    characters: int


@dataclass(frozen=True)
class Job:
    """A job as it stands. done: segments. attempts: how often it was begun. created, expires: seconds since 1970."""

    new: NewJob
    state: State
    done: int
    attempts: int
    report: Report
    error: JobError | None
    created: float
    expires: float


class JobStore:
    """The database at `path`; None: in memory. kept_s: how long a job is kept after it was made, and again after it has
    ended. One process has it at a time. Every method takes as long as a disk does: not for the event loop."""

    def __init__(self, path: Path | None, *, kept_s: float) -> None:
        self._kept_s = kept_s
        self._database = EmbeddedDatabase(path, "documents_file", _SCHEMA, version=_VERSION, failed=_failed, own=True)

    def counts(self) -> Counter[str]:
        """Jobs by client."""
        with self._database.transaction() as db:
            return _counts(db)

    def age_s(self, job: Job) -> float:
        """Seconds since a job was made, by the clock that survives a restart."""
        return time.time() - job.created

    def waiting(self) -> int:
        """Jobs that are not taken up."""
        with self._database.transaction(writes=False) as db:
            return int(db.execute("SELECT COUNT(*) FROM jobs WHERE state = 'queued'").fetchone()[0])

    def add(self, job: NewJob, content: bytes, check: Callable[[Counter[str]], None] = lambda counts: None) -> Job:
        """Keep a new job. check: of the counts before it, which stay as they are; nothing is kept if it raises."""
        now = time.time()
        order = job.order
        values = (job.id, job.owner, job.client, job.weight, job.name, order.source, order.target, order.model)
        with self._database.transaction() as db:
            check(_counts(db))
            db.execute(
                "INSERT INTO jobs (id, owner, client, weight, state, name, source, target, model, characters, total, "
                "created, expires, content) VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, job.characters, job.segments, now, now + self._kept_s, content),
            )
        return Job(job, "queued", 0, 0, Report(), None, now, now + self._kept_s)

    def get(self, job_id: str) -> Job | None:
        """A job that has not expired."""
        with self._database.transaction() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND expires > ?", (job_id, time.time())
            ).fetchone()
        return None if row is None else _job(row)

    def result(self, job_id: str) -> bytes | None:
        """The translated document of a job that is done; None if it was deleted."""
        with self._database.transaction() as db:
            row = db.execute("SELECT result FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def take(self) -> Job | None:
        """The job whose turn it is, running from now on: the oldest of the client that has the fewest running."""
        with self._database.transaction() as db:
            row = db.execute(
                f"SELECT {_COLUMNS} FROM jobs AS job WHERE state = 'queued' ORDER BY (SELECT COUNT(*) FROM jobs "
                "WHERE state = 'running' AND client = job.client), created LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE jobs SET state = 'running', attempts = attempts + 1 WHERE id = ?", (row["id"],))
        return _job(row)

    def work(self, job_id: str) -> tuple[bytes, dict[int, str]] | None:
        """The document of a job, and the texts that are done; None if it was deleted."""
        with self._database.transaction() as db:
            row = db.execute("SELECT content FROM jobs WHERE id = ?", (job_id,)).fetchone()
            texts = db.execute("SELECT place, text FROM texts WHERE job = ?", (job_id,)).fetchall()
        return None if row is None else (bytes(row[0]), dict(map(tuple, texts)))

    def begin_anew(self, job_id: str, segments: int) -> None:
        """Nothing of a job is done, and it is of that many segments."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM texts WHERE job = ?", (job_id,))
            db.execute(
                "UPDATE jobs SET total = ?, done = 0, warnings = '{}', models = '[]' WHERE id = ?", (segments, job_id)
            )

    def progress(self, job_id: str, texts: Mapping[int, str], report: Report) -> None:
        """More texts are done."""
        with self._database.transaction() as db:
            if db.execute("SELECT 1 FROM jobs WHERE id = ?", (job_id,)).fetchone() is None:
                return
            rows = [(job_id, place, text) for place, text in texts.items()]
            db.executemany("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", rows)
            db.execute(
                "UPDATE jobs SET done = (SELECT COUNT(*) FROM texts WHERE job = id), warnings = ?, models = ? "
                "WHERE id = ?",
                (json.dumps(report.warnings), json.dumps(sorted(report.models)), job_id),
            )

    def finish(self, job_id: str, result: bytes | JobError) -> None:
        """The job is done, or has failed; what it was made of is not needed any more."""
        error = json.dumps(asdict(result)) if isinstance(result, JobError) else None
        state, content = ("done", result) if error is None else ("failed", None)
        with self._database.transaction() as db:
            db.execute("DELETE FROM texts WHERE job = ?", (job_id,))
            db.execute(
                "UPDATE jobs SET state = ?, result = ?, error = ?, content = NULL, expires = ? WHERE id = ?",
                (state, content, error, time.time() + self._kept_s, job_id),
            )

    def delete(self, job_id: str) -> None:
        """Forget a job and its documents."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def expired(self) -> Sequence[str]:
        """Jobs whose time is over."""
        with self._database.transaction() as db:
            return [row[0] for row in db.execute("SELECT id FROM jobs WHERE expires <= ?", (time.time(),))]

    def close(self) -> None:
        """The end."""
        self._database.close()


def _counts(db: sqlite3.Connection) -> Counter[str]:
    return Counter(dict(db.execute("SELECT client, COUNT(*) FROM jobs GROUP BY client").fetchall()))


def _failed(problem: str) -> DocumentStoreError:
    return DocumentStoreError(f"the store of documents cannot be used: {problem}")


def _job(row: Any) -> Job:
    order = Order(row["source"], row["target"], row["model"])
    new = NewJob(
        id=row["id"],
        owner=row["owner"],
        client=row["client"],
        weight=row["weight"],
        name=row["name"],
        order=order,
        segments=row["total"],
        characters=row["characters"],
    )
    return Job(
        new,
        row["state"],
        row["done"],
        row["attempts"],
        Report(Counter(json.loads(row["warnings"])), set(json.loads(row["models"]))),
        JobError(**json.loads(row["error"])) if row["error"] else None,
        row["created"],
        row["expires"],
    )
