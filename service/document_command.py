"""`verso translate guide.docx -o guide.ru.docx`: a document as a whole, by a server or by the bundle itself."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.bulk.command import bar, say_warnings
from service.bulk.daemon_thread import in_daemon_thread
from service.bulk.input_lines import STDIN
from service.client import AsyncClient
from service.documents.document import Document
from service.documents.limits import DocumentLimits
from service.documents.reading import SUFFIXES, format_of, read_document
from service.errors import InputError
from service.settings import client_key

# A document, its language, the one wanted, and who is told how many more segments are done -> content, warnings.
TranslateDocument = Callable[[Document, str, str, Callable[[int], None]], Awaitable[tuple[bytes, Mapping[str, int]]]]

_LINES = ".txt"
_POLL_S = 0.5
# A person waits for his own file, but an archive is a stranger's all the same.
_LIMITS = DocumentLimits(
    characters=100_000_000,
    file_bytes=100_000_000,
    segment_characters=1_000_000,
    segments=10_000_000,
    items=1_000_000,
    reading_s=3600.0,
)


@dataclass(frozen=True)
class DocumentCommand:
    """What was asked for. output: None is standard output. server: URL; None: the bundle is loaded here."""

    file: Path
    source: str
    target: str
    output: Path | None
    server: str | None


def is_document(files: Sequence[Path], format: str | None) -> bool:
    """Whether files are to be translated as a document: where that is asked for, or the name of the only one says so.

    Raises:
        InputError: it is asked for, and there is not one file of a known format; or the name of one of several says so.
    """
    if format == "document" and (len(files) != 1 or STDIN in files):
        raise InputError(f"--format document: one file at a time, with a name; there are {len(files)}")
    if format == "document":
        format_of(files[0].name)
    named = [file for file in files if file.suffix.lower() in SUFFIXES and file.suffix.lower() != _LINES]
    if format is None and named and len(files) > 1:
        raise InputError(
            f"{named[0]}: a document, of which one at a time is translated; there are {len(files)} files; "
            "--format text takes them for lines, --format html for HTML"
        )
    return format == "document" or (format is None and bool(named))


async def translate_here(command: DocumentCommand, translate: TranslateDocument) -> None:
    """Translate by what `translate` has loaded. Raises what it does."""
    content = await in_daemon_thread(command.file.read_bytes)
    document = await asyncio.to_thread(read_document, command.file.name, content, _LIMITS)
    with bar(len(document.segments), 0, shown=sys.stderr.isatty()) as advance:
        content, warnings = await translate(document, command.source, command.target, advance)
    _finish(command, content, warnings)


async def translate_by_server(command: DocumentCommand) -> None:
    """Translate by a server. Raises what the client does; InputError if the server could not translate it."""
    assert command.server is not None
    async with AsyncClient(command.server, api_key=client_key()) as client:
        content = await in_daemon_thread(command.file.read_bytes)
        state = await client.upload_document(command.file.name, content, source=command.source, target=command.target)
        try:
            with bar(state.segments, 0, shown=sys.stderr.isatty()) as advance:
                while state.state in ("queued", "running"):
                    await asyncio.sleep(_POLL_S)
                    before, state = state.segments_done, await client.document(state.id)
                    advance(state.segments_done - before)
            if state.error is not None:
                raise InputError(f"{command.file}: {state.error.message}")
            _finish(command, await client.download_document(state.id), state.warnings)
        finally:
            with contextlib.suppress(Exception):  # it expires there anyway
                await client.delete_document(state.id)


def _finish(command: DocumentCommand, content: bytes, warnings: Mapping[str, int]) -> None:
    if command.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    else:
        partial = command.output.with_name(f"{command.output.name}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(command.output)
        except OSError as error:
            raise InputError(f"--output: {command.output} cannot be written: {error.strerror}") from error
    say_warnings(warnings, "text")
