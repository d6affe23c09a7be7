"""Counts who is using a model, so that it is freed after the last of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Uses:
    """How many requests hold a model now. Used from one event loop at a time."""

    def __init__(self) -> None:
        self.count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Inside the block the model stays in memory, whatever replaces it for others."""
        self.count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self.count -= 1
            if not self.count:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until nobody holds it."""
        await self._idle.wait()
