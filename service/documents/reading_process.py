"""Reads or writes one document in a process of its own, which can be ended at any point and may take so much memory.

Standard input: a line of JSON (see `Task`), then the document. Standard output: a line of JSON, what is in the document
or why it is refused, then the document that was written.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from service.documents.document import Segment
from service.documents.limits import DocumentLimits
from service.documents.reading import Contents, format_of, read_document
from service.errors import InvalidRequestError, RequestTooLargeError

# Whoever is waiting for a translation goes first.
_NICENESS = 5


@dataclass(frozen=True)
class Task:
    """name: of the file. texts: to write in the places of its segments; None: it is only read. target: their language.
    memory_bytes: that the process may take."""

    name: str
    limits: DocumentLimits
    memory_bytes: int
    texts: Sequence[str] | None = None
    target: str = ""

    def line(self) -> bytes:
        """For standard input."""
        return json.dumps(asdict(self)).encode() + b"\n"


def contents_of(name: str, answer: bytes) -> Contents:
    """What standard output says of a document that was read. Raises as read_document."""
    said = _said(answer)[0]
    segments = tuple(Segment(text, format) for text, format in said["segments"])
    return Contents(format_of(name), segments, said["language"])


def written_of(answer: bytes) -> bytes:
    """The document that was written. Raises as read_document."""
    return _said(answer)[1]


def _said(answer: bytes) -> tuple[Any, bytes]:
    line, _newline, rest = answer.partition(b"\n")
    said = json.loads(line)
    if "refused" in said:
        raise InvalidRequestError("file", said["refused"])
    if "too_large" in said:
        raise RequestTooLargeError("file", *said["too_large"])
    return said, rest


def _done(line: bytes, content: bytes) -> tuple[dict[str, Any], bytes]:
    given = json.loads(line)
    task = Task(**{**given, "limits": DocumentLimits(**given["limits"])})
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, before[1]))
    try:
        document = read_document(task.name, content, task.limits)
        if task.texts is not None:
            return {}, document.write(task.texts, task.target)
        segments = [(segment.text, segment.format) for segment in document.segments]
    except InvalidRequestError as error:
        return {"refused": error.problem}, b""
    except RequestTooLargeError as error:
        return {"too_large": (error.size, error.limit, error.unit)}, b""
    except MemoryError:
        resource.setrlimit(resource.RLIMIT_AS, before)  # or there may be none left to say so
        most = task.memory_bytes
        return {"too_large": (most, most, "bytes of memory to read it, or more")}, b""
    return {"segments": segments, "language": document.language}, b""


def main() -> None:
    """See the head of the file."""
    os.nice(_NICENESS)
    said, written = _done(sys.stdin.buffer.readline(), sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(said).encode() + b"\n" + written)


if __name__ == "__main__":
    main()
