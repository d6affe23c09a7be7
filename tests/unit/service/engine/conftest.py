"""Coroutine tests of this folder run under anyio's pytest plugin, which comes with the web framework. Workers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.unit.service.engine.worker_rig import PATIENCE_S, Rig


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.worker.stop(PATIENCE_S)


@pytest.fixture
def gated() -> Iterator[tuple[Rig, threading.Semaphore]]:
    """Two rows, and steps that wait for a permit."""
    permits = threading.Semaphore(0)
    rig = Rig(rows=2, permits=permits)
    rig.worker.start()
    yield rig, permits
    permits.release(1000)
    rig.worker.stop(PATIENCE_S)
