"""Better translations that users suggest, kept in one file of JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from model_store.errors import ConfigError
from service.errors import RequestTooLargeError, SuggestionsFullError, SuggestionStoreError


class Suggestions:
    """Appends to `file` (None: nothing is collected), which grows to `max_bytes` at most and is its owner's to read.
    Raises ConfigError if that cannot be written."""

    def __init__(self, file: Path | None, *, max_characters: int, max_bytes: int) -> None:
        self._file = file
        self._max_characters = max_characters
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        if file is not None:
            try:
                with open(file, "ab", opener=_for_the_owner):
                    pass
            except OSError as error:
                raise ConfigError(f"suggestions_file: {file} cannot be used: {error}") from error

    @property
    def enabled(self) -> bool:
        """Whether the operator collects suggestions."""
        return self._file is not None

    async def keep(self, text: str, suggestion: str, source: str, target: str) -> None:
        """Append one suggestion. Codes are served ones.

        Raises:
            RequestTooLargeError: a text is longer than a request may be. SuggestionsFullError: the file is.
            SuggestionStoreError: it cannot be written.
        """
        for field, value in (("q", text), ("s", suggestion)):
            if len(value) > self._max_characters:
                raise RequestTooLargeError(field, len(value), self._max_characters, "characters")
        kept = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": source,
            "target": target,
            "text": text,
            "suggestion": suggestion,
        }
        # ASCII, so that half a surrogate pair can be written too.
        try:
            await asyncio.to_thread(self._append, json.dumps(kept).encode("ascii") + b"\n")
        except OSError as error:
            raise SuggestionStoreError(f"suggestions cannot be written: {error.strerror}") from error

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        with self._lock, open(self._file, "ab", buffering=0, opener=_for_the_owner) as file:
            before = file.tell()
            if before + len(line) > self._max_bytes:
                raise SuggestionsFullError(f"suggestions: the file has reached {self._max_bytes} bytes")
            if file.write(line) < len(line):  # half a line would spoil the next one
                with contextlib.suppress(OSError):
                    file.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
