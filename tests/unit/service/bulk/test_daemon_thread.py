"""What may wait for ever is done in a thread that nobody waits for at the end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from service.bulk.daemon_thread import in_daemon_thread


def test_what_it_gives_and_what_it_raises() -> None:
    async def run() -> None:
        assert await in_daemon_thread(threading.current_thread) is not threading.current_thread()
        with pytest.raises(ZeroDivisionError):
            await in_daemon_thread(lambda: 1 // 0)

    asyncio.run(run())


@pytest.mark.parametrize("fails", [False, True])
def test_one_that_nobody_waits_for_any_more_goes_on_without_harm(fails: bool) -> None:
    begun, go_on, threads = threading.Event(), threading.Event(), list[threading.Thread]()

    def wait() -> None:
        threads.append(threading.current_thread())
        begun.set()
        go_on.wait(10.0)
        if fails:
            raise ValueError("which nobody wants to know")

    async def run() -> None:
        task = asyncio.create_task(in_daemon_thread(wait))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert threads[0].is_alive()
    go_on.set()
    threads[0].join()  # an error in a thread would fail this test
