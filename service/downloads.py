"""Translated files until they are fetched: in memory, for a while, and not more than a few megabytes."""

from __future__ import annotations

import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

KEPT_S = 1800.0
# Of all together, unless the latest alone has more: who was told of it is to find it.
MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Download:
    """expires_s: on the store's clock."""

    name: str
    content: bytes
    media_type: str
    expires_s: float


class Downloads:
    """Files by a key that cannot be guessed. The oldest make room for new ones. Used from one event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: OrderedDict[str, Download] = OrderedDict()

    def put(self, name: str, content: bytes, media_type: str) -> str:
        """Keep a file; returns its key, which ends in its name."""
        safe = re.sub(r"[^\w.-]+", "_", name)[-100:].lstrip(".") or "file"
        key = f"{uuid.uuid4().hex}.{safe}"
        self.keep(key, Download(safe, content, media_type, 0.0))
        return key

    def keep(self, key: str, file: Download) -> None:
        """Keep a file under the key that it has in another process; from now on, since their clocks differ."""
        self._files[key] = replace(file, expires_s=self._clock() + KEPT_S)
        self._files.move_to_end(key)
        self._forget()

    def get(self, key: str) -> Download | None:
        """The file, as often as it is asked for; None if it is not kept (any more)."""
        self._forget()
        return self._files.get(key)

    def _forget(self) -> None:
        now = self._clock()
        size = sum(len(file.content) for file in self._files.values())
        for key, file in list(self._files.items()):
            beyond = size > MOST_BYTES and len(self._files) > 1
            if file.expires_s > now and not beyond:
                break
            size -= len(self._files.pop(key).content)
