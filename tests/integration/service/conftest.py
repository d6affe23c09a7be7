"""One store and one server for all tests that do not stop it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service.bundles import random_bundle
from tests.integration.service.server import Served, served


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    random_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def server(store: Path) -> Iterator[Served]:
    with served(store) as running:
        yield running
