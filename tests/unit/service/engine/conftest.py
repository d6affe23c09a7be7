"""Coroutine tests of this folder run under anyio's pytest plugin (it comes with the web framework), on asyncio."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
