"""Work on texts beside the event loop, where it takes long enough to be felt there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")

# What is done with so many characters takes a millisecond or two; to hand it to a thread and back takes as long, and
# longer still beside a decoder that is busy, since each way waits for Python's lock.
_QUICK_CHARACTERS = 300


async def aside(work: Callable[[], T], texts: Iterable[str]) -> T:
    """What `work`, on those texts, gives: at once for a few words, otherwise from a thread."""
    left = _QUICK_CHARACTERS
    for text in texts:
        left -= len(text) + 1
        if left < 0:
            return await asyncio.to_thread(work)
    return work()
