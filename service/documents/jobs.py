"""Runs jobs behind everything that is interactive: takes the next, translates it part by part, writes the document."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import Literal, Protocol, TypeVar

from service.documents.reader import DocumentReader
from service.documents.reading import Contents
from service.documents.store import Job, JobError, JobStore, NewJob
from service.documents.translation import Order, Report, check_language, patiently, plan, translate_parts
from service.engine.segment import Client, Priority
from service.errors import (
    DocumentNotFoundError,
    DocumentNotReadyError,
    DocumentStoreError,
    ServiceError,
    TooManyDocumentsError,
)
from service.pipeline.translate import Translator
from service.pipeline.translation import Turn

logger = logging.getLogger(__name__)

T = TypeVar("T")

_JOBS_AT_ONCE = 2
# A job that ends the process with it would do so at every start.
_MOST_ATTEMPTS = 5
_EXPIRY_S = 60.0
_RETRY_AFTER_S = 60.0
# What the store cannot keep is given to it again, less and less often.
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 60.0
# What is enough to tell the language of a document.
_SAMPLE_CHARACTERS = 4000


@dataclass(frozen=True)
class JobLimits:
    """jobs: that are kept, in all; jobs_per_client: of one client."""

    jobs: int
    jobs_per_client: int


@dataclass(frozen=True)
class Upload:
    """A document as it came. owner, client: as a NewJob's."""

    name: str
    content: bytes
    order: Order
    owner: str
    client: Client


class JobObserver(Protocol):
    """Who is told how jobs get on."""

    def part_done(self, segments: int) -> None:
        """So many more segments of a job are translated."""

    def finished(self, suffix: str, outcome: Literal["done", "failed"], duration_s: float) -> None:
        """A job for a file of that suffix has ended, so long after it came."""


class DocumentJobs:
    """Used from one event loop, between `start` and `close`. explain: what users are told of an error."""

    def __init__(
        self,
        store: JobStore,
        translator: Translator,
        reader: DocumentReader,
        limits: JobLimits,
        explain: Callable[[Exception], JobError],
        observer: JobObserver,
    ) -> None:
        self._store = store
        self._translator = translator
        self._reader = reader
        self._limits = limits
        self._explain = explain
        self._observer = observer
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Take up what is there."""
        self._workers = [asyncio.create_task(self._work()) for _number in range(_JOBS_AT_ONCE)]
        self._workers.append(asyncio.create_task(self._expire()))

    async def close(self) -> None:
        """Stop; what is not done goes on after the next start."""
        tasks = [*self._workers, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._store.close)

    def waiting(self) -> float:
        """Jobs that are not taken up; NaN if the store cannot tell. May be asked from any thread."""
        try:
            return self._store.waiting()
        except DocumentStoreError:
            return math.nan

    def running(self) -> int:
        """Jobs that are being translated."""
        return len(self._running)

    async def check(self, upload: Upload) -> Contents:
        """A document that can be translated.

        Raises:
            InvalidRequestError, RequestTooLargeError: it is broken or too large. UnsupportedLanguageError,
                UnsupportedPairError, ModelNotFoundError, EngineUnavailableError: as Translator.translate.
            TooManyDocumentsError: there are too many.
        """
        self._check_room(upload.client.name, await asyncio.to_thread(self._store.counts))
        contents = await self._reader.read(upload.name, upload.content)
        check_language(contents, upload.order.target)
        sample = await asyncio.to_thread(_sample, contents)
        await self._translator.languages([sample], upload.order.source, upload.order.target, upload.order.model)
        return contents

    async def submit(self, upload: Upload, contents: Contents) -> Job:
        """A new job for a document that was checked. Raises TooManyDocumentsError, DocumentStoreError."""
        new = NewJob(
            id=secrets.token_urlsafe(16),
            owner=upload.owner,
            client=upload.client.name,
            weight=upload.client.weight,
            name=_safe(upload.name),
            order=upload.order,
            segments=len(contents.segments),
            characters=contents.characters,
        )
        room = partial(self._check_room, upload.client.name)
        job = await asyncio.to_thread(self._store.add, new, upload.content, room)
        self._wake.set()
        return job

    async def get(self, job_id: str, owner: str) -> Job:
        """The job of that id. Raises DocumentNotFoundError if there is none that belongs to `owner`, or to nobody."""
        job = await asyncio.to_thread(self._store.get, job_id)
        if job is None or job.new.owner not in ("", owner):
            raise _unknown(job_id)
        return job

    async def result(self, job: Job) -> bytes:
        """The translated document. Raises DocumentNotReadyError if it is not there, DocumentNotFoundError if it is not
        any more."""
        if job.state != "done":
            why = (
                f": {job.error.message}" if job.error else f"; {job.done} of {job.new.segments} segments are translated"
            )
            raise DocumentNotReadyError(f"document: it is {job.state}{why}")
        content = await asyncio.to_thread(self._store.result, job.new.id)
        if content is None:
            raise _unknown(job.new.id)
        return content

    async def delete(self, job_id: str) -> None:
        """Forget a job, and stop it if it runs. Raises DocumentStoreError: it is still there, and goes on."""
        forgotten = asyncio.create_task(self._forget(job_id))
        await asyncio.shield(forgotten)  # both or neither, though whoever asked goes away

    async def _forget(self, job_id: str) -> None:
        await asyncio.to_thread(self._store.delete, job_id)
        if (task := self._running.get(job_id)) is not None:
            task.cancel()

    def _check_room(self, client: str, counts: Counter[str]) -> None:
        """counts: jobs by client. Raises TooManyDocumentsError if they leave no room for one more of `client`."""
        most, of_client = self._limits.jobs, self._limits.jobs_per_client
        mine, all_ = counts[client], counts.total()
        if mine >= of_client or all_ >= most:
            raise TooManyDocumentsError(
                f"documents: {mine} of yours are kept, and {all_} in all; allowed: {of_client} and {most}; "
                "delete some, or wait until they expire",
                retry_after_s=_RETRY_AFTER_S,
            )

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                job = await asyncio.to_thread(self._store.take)
            except ServiceError:
                logger.exception("no document can be taken up")
                await asyncio.sleep(_EXPIRY_S)
                continue
            if job is None:
                await self._wake.wait()
                continue
            self._running[job.new.id] = task = asyncio.create_task(self._run(job))
            try:
                await asyncio.wait({task})
            finally:
                del self._running[job.new.id]

    async def _run(self, job: Job) -> None:
        name = job.new.name
        try:
            if job.attempts >= _MOST_ATTEMPTS:
                raise DocumentNotReadyError(f"document: it was begun {job.attempts} times and never came to its end")
            result: bytes | JobError | None = await self._translated(job)
        except ServiceError as error:
            result = self._explain(error)
        except Exception as error:
            logger.exception("a document could not be translated")
            result = self._explain(error)
        if result is None:
            return
        await _stored(partial(self._store.finish, job.new.id, result))
        outcome: Literal["done", "failed"] = "failed" if isinstance(result, JobError) else "done"
        duration_s = self._store.age_s(job)
        logger.info("document", extra={"segments": job.new.segments, "outcome": outcome, "duration_s": duration_s})
        self._observer.finished(PurePath(name).suffix.lower(), outcome, duration_s)

    async def _translated(self, job: Job) -> bytes | None:
        """The translated document; None if the job was deleted meanwhile."""
        work = await _stored(partial(self._store.work, job.new.id))
        if work is None:
            return None
        content, done = work
        segments = (await self._reader.read(job.new.name, content)).segments
        report = job.report
        if len(segments) != job.new.segments:  # another version of the service began it, and read it in other segments
            await _stored(partial(self._store.begin_anew, job.new.id, len(segments)))
            done, report = {}, Report()

        async def part_done(texts: Mapping[int, str], news: Report) -> None:
            done.update(texts)
            report.merge(news)
            self._observer.part_done(len(texts))
            await _stored(partial(self._store.progress, job.new.id, texts, report))

        order = job.new.order
        parts = await patiently(
            lambda model: plan(self._translator, replace(order, model=model), segments, done), order.model
        )
        turn = Turn(Client(job.new.client, job.new.weight), Priority.BULK)
        await translate_parts(self._translator, order, parts, turn, part_done, wait_for_room_s=None)
        texts = [done[place] for place in range(len(segments))]
        return await self._reader.write(job.new.name, content, texts, order.target)

    async def _expire(self) -> None:
        while True:
            with contextlib.suppress(ServiceError):  # it is tried again
                for job_id in await asyncio.to_thread(self._store.expired):
                    await self.delete(job_id)
            await asyncio.sleep(_EXPIRY_S)


async def _stored(step: Callable[[], T]) -> T:
    """The result of a step of the store, which is taken again until it succeeds: a disk that is full is so for a while,
    and what was translated is not lost by it."""
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            return await asyncio.to_thread(step)
        except DocumentStoreError:
            logger.exception("a document waits for the store, which is tried again")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _unknown(job_id: str) -> DocumentNotFoundError:
    return DocumentNotFoundError(f"document: there is none of the id {job_id[:40]!r}, or it has expired")


def _sample(contents: Contents) -> str:
    """As much of a document as tells its language."""
    texts: list[str] = []
    for segment in contents.segments:
        texts.append(segment.plain)
        if sum(map(len, texts)) > _SAMPLE_CHARACTERS:
            break
    return "\n".join(texts)


def _safe(name: str) -> str:
    """The name of a file, without folders and what a terminal or a header might take for something else."""
    base = PurePath(name.replace("\\", "/")).name
    return "".join(character if character.isprintable() else "_" for character in base)[-200:]
