"""What may wait for ever, as reading from a terminal or a pipe does, without keeping the program from its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """What `work` gives. Neither asyncio nor Python waits for it at the end, as they do with asyncio.to_thread: once
    nobody waits for it any more, as after Ctrl-C, it is left where it is."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # so that it has a place for the result though nobody waits any more

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="verso-read", daemon=True).start()
    return await asyncio.wrap_future(future)
