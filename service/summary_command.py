"""`verso summarize`: what each file is about, by a server or by the bundle itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import typer

from service.bulk.command import say_warnings
from service.bulk.input_lines import STDIN, check_files, read_whole
from service.client import Client
from service.errors import InputError
from service.settings import client_key


class Summarized(Protocol):
    """A summary, whoever made it, and what is warned of."""

    @property
    def text(self) -> str: ...

    @property
    def warnings(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class SummaryCommand:
    """What was asked for. lines: a line for each part that is read at once. text: instead of files."""

    files: tuple[Path, ...]
    language: str
    lines: bool = False
    text: str | None = None

    def __post_init__(self) -> None:
        if self.text is not None and self.files:
            raise InputError("--text: either a text or files, not both")
        check_files(self.files)

    def texts(self) -> list[str]:
        """What is to be summarized, each by itself. Raises InputError for what is not UTF-8."""
        if self.text is not None:
            return [self.text]
        return [read_whole(file) for file in self.files or (STDIN,)]


def summarize_by_server(command: SummaryCommand, server: str) -> Sequence[Summarized]:
    """The summaries, from a server. Raises what the client does."""
    with Client(server, api_key=client_key()) as client:
        return client.summarize_many(command.texts(), language=command.language, lines=command.lines)


def show(summaries: Sequence[Summarized]) -> None:
    """Write the summaries, and on standard error what was warned of."""
    for summary in summaries:
        typer.echo(summary.text)
    say_warnings(Counter(warning for summary in summaries for warning in summary.warnings), "text")
