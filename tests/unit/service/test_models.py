"""The life of the models: loading, ready, failing, unhealthy, draining, closed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from service.catalogue import ServedModel
from service.errors import EngineUnavailableError
from service.metrics import Metrics
from service.models import ModelOpener, Models
from tests.unit.service.fakes import engine_of, model, opener


def loaded(open_models: ModelOpener) -> Models:
    models = Models(open_models, Metrics(), "en")
    asyncio.run(models.load())
    return models


def test_not_ready_before_loading_and_ready_after_a_warm_up() -> None:
    tiny = model("en-ru")
    models = Models(opener(tiny), Metrics(), "en")
    assert models.unready() == ["loading: the models are not loaded yet"]
    with pytest.raises(EngineUnavailableError, match="loading"):
        models.catalogue()
    asyncio.run(models.load())
    assert models.unready() == []
    assert models.catalogue().models == (tiny,)
    assert [len(group) for group in engine_of(tiny).groups] == [1]


def test_a_bundle_that_cannot_be_loaded_is_said_so() -> None:
    def broken() -> Iterator[ServedModel]:
        yield model("en-ru")
        raise OSError("disk on fire")

    models = loaded(broken)
    assert models.unready() == ["failed: disk on fire"]
    with pytest.raises(EngineUnavailableError, match="disk on fire"):
        models.catalogue()
    assert loaded(opener()).unready() == ["failed: there are no models"]


def test_an_unhealthy_engine_is_not_ready() -> None:
    tiny = model("en-ru")
    models = loaded(opener(tiny))
    engine_of(tiny).healthy = False
    assert models.unready() == ["unhealthy: tiny: it broke"]


def test_draining_refuses_new_work_and_closing_stops_the_engines() -> None:
    tiny = model("en-ru")
    models = loaded(opener(tiny))
    models.draining = True
    assert models.unready() == ["draining: shutting down"]
    with pytest.raises(EngineUnavailableError, match="draining"):
        models.catalogue()
    asyncio.run(models.close(1.0))
    assert engine_of(tiny).drained
    assert engine_of(tiny).closed
