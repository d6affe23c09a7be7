"""Long work leaves the event loop, short work does not pay for a thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from service.pipeline.aside import aside


@pytest.mark.parametrize(
    ("texts", "apart"),
    [([], False), (["a" * 299], False), (["a" * 300], True), (["ab"] * 100, False), (["ab"] * 101, True)],
)
def test_only_long_work_gets_a_thread(texts: list[str], apart: bool) -> None:
    thread = asyncio.run(aside(threading.current_thread, texts))
    assert (thread is not threading.main_thread()) is apart
