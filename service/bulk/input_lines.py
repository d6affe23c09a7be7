"""What the command line is given to translate: lines of files and of standard input, exactly."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from service.errors import InputError

STDIN = Path("-")


@dataclass(frozen=True)
class Line:
    """A line and what ends it: a newline, or nothing at the end of a file."""

    text: str
    end: str


@dataclass(frozen=True)
class Measure:
    """lines: how many there are. sha256: of everything."""

    lines: int
    sha256: str


def check_files(files: Sequence[Path], output: Path | None = None) -> None:
    """Raises InputError if one of the files cannot be read, or would be replaced by its own translation."""
    for file in files:
        if file != STDIN and not file.exists():
            raise InputError(f"{file}: no such file; a text is given with --text, or on standard input")
        if file != STDIN and (file.is_dir() or not os.access(file, os.R_OK)):
            raise InputError(f"{file}: {'a folder' if file.is_dir() else 'it may not be read'}; allowed: files")
        if file != STDIN and output is not None and output.exists() and output.samefile(file):
            raise InputError(f"--output: {output} is what is to be translated; allowed: another file")


def measure(files: Sequence[Path]) -> Measure | None:
    """How much there is, read once before the work; None where a part of it can be read only once, as standard input,
    a pipe or a terminal."""
    if not all(file != STDIN and file.is_file() for file in files):
        return None
    digest = hashlib.sha256()
    lines = 0
    for file in files:
        with file.open("rb") as opened:
            last = b"\n"
            while chunk := opened.read(1 << 20):
                digest.update(chunk)
                lines += chunk.count(b"\n")
                last = chunk[-1:]
            lines += last != b"\n"
    return Measure(lines, digest.hexdigest())


def read_lines(files: Sequence[Path]) -> Iterator[Line]:
    """The lines of all files in their order. Only a newline ends a line; everything else stays in it.

    Raises:
        InputError: what is not UTF-8; the message names the file and the line.
    """
    for file in files:
        if file == STDIN:
            # Not sys.stdin, which Python closes at its end: it would fail where a thread still waits for a line of it.
            with os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as opened:
                yield from _lines_of(opened, "standard input")
        else:
            with file.open("rb") as opened:
                yield from _lines_of(opened, str(file))


def read_whole(file: Path) -> str:
    """All of a file. Raises as read_lines."""
    return "".join(line.text + line.end for line in read_lines([file]))


def _lines_of(opened: BinaryIO, name: str) -> Iterator[Line]:
    for number, raw in enumerate(opened, start=1):
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            hint = "; --format document reads .txt in old encodings" if name.endswith(".txt") else ""
            raise InputError(
                f"{name}: line {number} is not UTF-8: {error.reason} at byte {error.start}{hint}"
            ) from error
        yield Line(text.removesuffix("\n"), "\n" if text.endswith("\n") else "")
