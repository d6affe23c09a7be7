"""An output file that is there only when it is whole, and that a second run goes on with.

Beside it lie `<name>.partial`, the lines done so far, and `<name>.partial.json`, what they are the translation of.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from service.errors import InputError


class PartialOutput:
    """Lines on their way into `path`. Leaving it without an error makes the file; with one, the next run goes on.

    job: everything that decides the result. None: nothing is resumed.
    done: lines that an earlier run has left.
    """

    def __init__(self, path: Path, job: dict[str, str] | None) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._job_file = path.with_name(f"{path.name}.partial.json")
        try:
            self.done = self._begin(job)
            self._file = self._partial.open("ab")
        except OSError as error:
            raise InputError(f"--output: {path} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if error is None:
            self._partial.replace(self._path)
            self._job_file.unlink(missing_ok=True)

    def write(self, text: str) -> None:
        """Add whole lines; they are kept even if the process is killed after this."""
        self._file.write(text.encode())
        self._file.flush()

    def _begin(self, job: dict[str, str] | None) -> int:
        if not self._path.parent.is_dir():
            raise InputError(f"--output: there is no folder {self._path.parent}")
        if self._path.is_dir():
            raise InputError(f"--output: {self._path} is a folder; allowed: the name of a file")
        if not (self._job_file.exists() and self._partial.exists()):
            self._job_file.unlink(missing_ok=True)
            self._partial.write_bytes(b"")
            if job is not None:
                self._job_file.write_text(json.dumps(job, indent=2) + "\n", encoding="utf-8")
            return 0
        if job is None:
            raise InputError(
                f"{self._partial}: is of a run that can be gone on with, and this one would not; remove it, or choose "
                "another --output"
            )
        before = self._job_before()
        if before != job:
            changed = ", ".join(sorted(name for name in job if before.get(name) != job[name]))
            raise InputError(
                f"{self._partial}: is of another run ({changed} differ); remove it, or choose another --output"
            )
        return self._drop_unfinished_line()

    def _job_before(self) -> dict[str, str]:
        try:
            job = json.loads(self._job_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{self._job_file}: not what a run left behind: {error}; remove it") from error
        return job if isinstance(job, dict) else {}

    def _drop_unfinished_line(self) -> int:
        lines = whole = 0
        with self._partial.open("r+b") as opened:
            for line in opened:
                if line.endswith(b"\n"):
                    lines += 1
                    whole += len(line)
            opened.truncate(whole)
        return lines
