"""Opens a corpus file for reading, unpacking .gz and .xz by suffix."""

from __future__ import annotations

import gzip
import lzma
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from training.corpora.errors import CorpusError

COMPRESSIONS = (".gz", ".xz")


@contextmanager
def open_corpus(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked.

    Raises:
        CorpusError: the file cannot be opened, or turns out damaged while it is read.
    """
    try:
        with _open(path) as file:
            yield file
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise CorpusError(f"{path}: cannot be read: {error}") from error


def numbered_lines(path: Path) -> Iterator[tuple[int, str | None]]:
    """Line number (from 1) and text without line end; None where the line is not UTF-8. A byte order mark is cut.

    Raises CorpusError as open_corpus does, and for UTF-16, as spreadsheets save "Unicode text": no line is usable.
    """
    with open_corpus(path) as file:
        for number, line in enumerate(file, start=1):
            if number == 1:
                if line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                    raise CorpusError(f"{path}: is UTF-16; allowed: UTF-8")
                line = line.removeprefix(BOM_UTF8)
            try:
                yield number, line.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError:
                yield number, None


def _open(path: Path) -> BinaryIO:
    match path.suffix:
        case ".gz":
            return cast(BinaryIO, gzip.open(path, "rb"))
        case ".xz":
            return cast(BinaryIO, lzma.open(path, "rb"))
        case _:
            return path.open("rb")
