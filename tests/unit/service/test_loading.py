"""From a folder of bundles to served models: what a manifest may not bring about."""

from __future__ import annotations

from pathlib import Path

from service.engine.stats import NullObserver
from service.loading import open_bundles
from service.settings import Settings
from tests.unit.model_store.tiny_bundle import save_tiny


def longest_source(store: Path, **settings: int) -> int:
    [model] = open_bundles(Settings(models=str(store), threads=1, **settings), lambda _name: NullObserver())  # type: ignore[arg-type]
    model.engine.close()
    return model.decoding.max_source_length


def test_the_longest_source_is_the_bundles_or_what_the_operator_allows(tmp_path: Path) -> None:
    save_tiny(tmp_path / "tiny" / "1")
    assert longest_source(tmp_path) == 128
    assert longest_source(tmp_path, max_source_length=20) == 20
