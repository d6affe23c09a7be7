"""Reads and writes documents for a service: no document holds up the event loop, or another one for long."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import zipfile
from collections.abc import Sequence

from service.documents.limits import MEBIBYTE, DocumentLimits
from service.documents.reading import Contents, format_of, read_document
from service.documents.reading_process import Task, contents_of, written_of
from service.errors import InvalidRequestError, RequestTooLargeError

# What the slowest document of this size costs is felt by nobody; a process costs more.
_SMALL_BYTES = 4096
# Beyond it a document waits for others of its like, and holds up none but those.
_LARGE_BYTES = MEBIBYTE
_USUAL_AT_ONCE = 3
_LARGE_AT_ONCE = 1
_MEMORY_BYTES = 2048 * MEBIBYTE


class DocumentReader:
    """Used from one event loop. Small documents are read in a thread, others in a process that is ended when it takes
    too long, or when nobody waits for it any more."""

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits
        self._usual = asyncio.Semaphore(_USUAL_AT_ONCE)
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    async def read(self, name: str, content: bytes) -> Contents:
        """What is in a document. Raises as read_document."""
        format = format_of(name)
        self._limits.check(len(content), self._limits.file_bytes, "bytes")
        size = await asyncio.to_thread(_unpacked, content)
        if size <= _SMALL_BYTES:
            document = await asyncio.to_thread(read_document, name, content, self._limits)
            return Contents(format, tuple(document.segments), document.language)
        answer = await self._ask(Task(name, self._limits, _MEMORY_BYTES), content, size)
        return await asyncio.to_thread(contents_of, name, answer)

    async def write(self, name: str, content: bytes, texts: Sequence[str], target: str) -> bytes:
        """The document with `texts` for its segments, as Document.write. Raises as read_document."""
        size = await asyncio.to_thread(_unpacked, content)
        if size <= _SMALL_BYTES:
            return await asyncio.to_thread(
                lambda: read_document(name, content, self._limits).write(texts, target),
            )
        return written_of(await self._ask(Task(name, self._limits, _MEMORY_BYTES, texts, target), content, size))

    async def _ask(self, task: Task, content: bytes, size: int) -> bytes:
        line = await asyncio.to_thread(task.line)
        async with self._large if size > _LARGE_BYTES else self._usual:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "service.documents.reading_process"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if not name.startswith("VERSO_")},
            )
            try:
                async with asyncio.timeout(self._limits.reading_s):
                    answer, _errors = await process.communicate(line + content)
            except TimeoutError as error:
                most = round(self._limits.reading_s)
                raise RequestTooLargeError("file", most, most, "seconds to read it, or more") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode is not None and process.returncode < 0:
            raise InvalidRequestError("file", f"it ended the process that read it (signal {-process.returncode})")
        if process.returncode:
            raise RuntimeError(f"a document could not be read: status {process.returncode}, see standard error")
        return answer


def _unpacked(content: bytes) -> int:
    """Bytes of a document, or of all that is in an archive; it unpacks to no more than its directory says."""
    if not content.startswith(b"PK"):
        return len(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return len(content) + sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError):
        return len(content)
