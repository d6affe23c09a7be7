"""Better translations that users suggest, kept in one file of JSON lines."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

from service.errors import RequestTooLargeError, SuggestionsFullError


class Suggestions:
    """Appends to `file` (None: nothing is collected), which grows to `max_bytes` at most."""

    def __init__(self, file: Path | None, *, max_characters: int, max_bytes: int) -> None:
        self._file = file
        self._max_characters = max_characters
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether the operator collects suggestions."""
        return self._file is not None

    async def keep(self, text: str, suggestion: str, source: str, target: str) -> None:
        """Append one suggestion. Codes are served ones.

        Raises:
            RequestTooLargeError: a text is longer than a request may be. SuggestionsFullError: the file is.
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
        await asyncio.to_thread(self._append, json.dumps(kept) + "\n")

    def _append(self, line: str) -> None:
        assert self._file is not None
        with self._lock, self._file.open("a", encoding="ascii") as file:
            if file.tell() + len(line) > self._max_bytes:
                raise SuggestionsFullError(f"suggestions: the file has reached {self._max_bytes} bytes")
            file.write(line)
