"""`verso translate`: input -> lines -> a server or the bundle itself -> output, with a bar for who watches."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from model_store.config import Formality
from service.bulk.daemon_thread import in_daemon_thread
from service.bulk.in_flight_lines import LINES, Translated, Translating
from service.bulk.input_lines import STDIN, Line, Measure, measure, read_lines, read_whole
from service.bulk.partial_output import PartialOutput
from service.client import AsyncClient
from service.errors import InputError
from service.settings import client_key


@dataclass(frozen=True)
class TranslateCommand:
    """What was asked for. format: "text", line by line, or "html", each input as a whole. server: URL, None: the
    bundle is loaded here, or on a cluster. formality: as of a request."""

    files: tuple[Path, ...]
    source: str
    target: str
    format: Literal["text", "html"]
    output: Path | None
    server: str | None
    text: str | None
    formality: Formality

    def __post_init__(self) -> None:
        if self.text is not None and self.files:
            raise InputError("--text: either a text or files, not both")


class Writer(Protocol):
    """Where translated lines go."""

    def write(self, text: str) -> None:
        """Add whole lines."""


async def run(command: TranslateCommand, translating: contextlib.AbstractAsyncContextManager[Translating]) -> None:
    """Translate everything; warnings are counted at the end.

    Raises:
        ServiceError: what cannot be read, written or translated; what is done stays in the partial output. Whether the
            files are there is asked before, by check_files.
    """
    files = command.files or (STDIN,)
    async with translating as there:
        with contextlib.ExitStack() as stack:
            by_lines = command.text is None and command.format == "text"
            size = await in_daemon_thread(lambda: measure(files)) if by_lines else None
            lines, done, writer = _open(command, files, size, there.by, stack)
            typed = command.text is None and STDIN in files and sys.stdin.isatty()
            warnings: Counter[str] = Counter()
            with bar(size.lines if size else None, done, shown=sys.stderr.isatty() and not typed) as advance:
                async for batch in there.lines(lines, 1 if typed else LINES):
                    writer.write(batch.text)
                    warnings.update(warning for translated in batch.translations for warning in translated.warnings)
                    advance(len(batch.lines))
    say_warnings(warnings, "line")


@contextlib.asynccontextmanager
async def through_server(command: TranslateCommand) -> AsyncIterator[Translating]:
    """Translation by a server."""
    assert command.server is not None
    async with AsyncClient(command.server, api_key=client_key()) as client:

        async def translate(texts: Sequence[str]) -> list[Translated]:
            answers = await client.translate_many(
                texts,
                source=command.source,
                target=command.target,
                format=command.format,
                formality=command.formality,
            )
            return [Translated(answer.text, answer.warnings) for answer in answers]

        yield Translating.in_flight(translate, [f"{each.name}@{each.version}" for each in await client.models()])


def _open(
    command: TranslateCommand,
    files: tuple[Path, ...],
    size: Measure | None,
    by: tuple[str, ...],
    stack: contextlib.ExitStack,
) -> tuple[Iterator[Line], int, Writer]:
    """The lines to translate, how many of them are done already, and where they go."""
    if command.text is not None:
        lines = iter([Line(command.text, "\n")])
    else:
        lines = read_lines(files) if command.format == "text" else (Line(read_whole(file), "") for file in files)
    if command.output is None:
        return lines, 0, _Stdout()
    job = None
    if size is not None:
        pair = {"from": command.source, "to": command.target, "formality": command.formality}
        job = {"input_sha256": size.sha256, "models": ", ".join(by), **pair}
    output = stack.enter_context(PartialOutput(command.output, job))
    return itertools.islice(lines, output.done, None), output.done, output


class _Stdout:
    def write(self, text: str) -> None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.1f} lines/s")


def say_warnings(warnings: Mapping[str, int], of: str) -> None:
    """Say on standard error how many of what (`of`, one of them) each warning was given with."""
    for warning, count in sorted(warnings.items()):
        print(f"verso: warning: {warning}: {count} {of}{'' if count == 1 else 's'}", file=sys.stderr)


@contextlib.contextmanager
def bar(total: int | None, done: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Shows progress on standard error; yields what is to be told how much more is done."""
    columns = (BarColumn(), MofNCompleteColumn(), _Rate(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as progress:
        task = progress.add_task("", total=total, completed=done)
        yield lambda lines: progress.advance(task, lines)
