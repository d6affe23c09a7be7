"""The life of the models: loading, ready, failing, unhealthy, draining, closed; the memory they may take."""

from __future__ import annotations

import asyncio

import pytest

from model_store.errors import BundleCorruptError
from model_store.store import BundleReference
from service.catalogue import ServedModel
from service.errors import EngineUnavailableError, ModelMemoryError, ModelUnusableError
from service.metrics import Metrics
from service.models import ModelLimits, Models
from tests.unit.service.fakes import FakeSource, engine_of, model


def loaded(source: FakeSource, max_bytes: int = 0) -> Models:
    models = Models(source, Metrics(), "en", ModelLimits(max_bytes=max_bytes))
    asyncio.run(models.load())
    return models


def test_not_ready_before_loading_and_ready_after_a_warm_up() -> None:
    tiny = model("en-ru")
    models = Models(FakeSource(tiny), Metrics(), "en")
    assert models.unready() == ["loading: the models are not loaded yet"]
    with pytest.raises(EngineUnavailableError, match="loading"):
        models.catalogue()
    asyncio.run(models.load())
    assert models.unready() == []
    assert models.catalogue().models == (tiny,)
    assert [len(group) for group in engine_of(tiny).groups] == [1]


def test_a_bundle_that_cannot_be_loaded_is_said_so() -> None:
    source = FakeSource(model("en-ru"), model("en-de", name="other"))
    source.broken["other@1"] = OSError("disk on fire")
    models = loaded(source)
    assert models.unready() == ["failed: disk on fire"]
    with pytest.raises(EngineUnavailableError, match="disk on fire"):
        models.catalogue()
    assert loaded(FakeSource()).unready() == ["failed: there are no models"]


def test_a_damaged_newest_version_does_not_keep_the_one_before_from_serving() -> None:
    source = FakeSource(model("en-ru"), model("en-ru", version="2"), model("en-ru", version="3"))
    source.broken["tiny@3"] = BundleCorruptError("weights: altered")
    models = loaded(source)
    assert models.unready() == []
    assert [each.reference for each in models.catalogue().models] == ["tiny@2"]
    assert models.failures == {"tiny@3": "weights: altered"}
    source.broken |= {reference: BundleCorruptError("altered too") for reference in ("tiny@2", "tiny@1")}
    assert loaded(source).unready() == ["failed: altered too"]


def test_a_task_that_is_not_served_is_skipped() -> None:
    source = FakeSource(model("en-ru"), model("en-en", name="summaries"))
    source.broken["summaries@1"] = ModelUnusableError("summaries@1: its task is not served")
    models = loaded(source)
    assert models.unready() == []
    assert [each.name for each in models.catalogue().models] == ["tiny"]


def test_a_model_whose_warm_up_fails_is_closed() -> None:
    tiny = model("en-ru")
    engine_of(tiny).errors.append(RuntimeError("NaN"))
    assert loaded(FakeSource(tiny)).unready() == ["failed: NaN"]
    assert engine_of(tiny).closed


def test_an_unhealthy_engine_is_not_ready() -> None:
    tiny = model("en-ru")
    models = loaded(FakeSource(tiny))
    engine_of(tiny).healthy = False
    assert models.unready() == ["unhealthy: tiny: it broke"]


def test_draining_refuses_new_work_and_closing_stops_the_engines() -> None:
    tiny = model("en-ru")
    models = loaded(FakeSource(tiny))
    models.draining = True
    assert models.unready() == ["draining: shutting down"]
    with pytest.raises(EngineUnavailableError, match="draining"):
        models.catalogue()
    asyncio.run(models.close(1.0))
    assert engine_of(tiny).drained
    assert engine_of(tiny).closed


def test_what_does_not_fit_into_memory_is_refused_with_the_figures() -> None:
    source = FakeSource(model("en-ru"), model("en-de", name="other"), model("en-de", name="third"))
    source.sizes = {"tiny@1": 40_000_000, "other@1": 50_000_000, "third@1": 10_500_000}
    models = loaded(source, max_bytes=100_000_000)
    assert models.used_bytes == 90_000_000
    assert models.unready() == [
        "failed: third@1: needs 10.5 MB; the models may take 100.0 MB (VERSO_MAX_MODEL_BYTES), of which 90.0 MB are "
        "taken: tiny@1 40.0 MB; other@1 50.0 MB"
    ]
    source.sizes["third@1"] = 10_000_000
    assert loaded(source, max_bytes=100_000_000).unready() == []


def test_two_that_are_opened_at_once_do_not_both_take_the_last_room() -> None:
    source = FakeSource(model("en-ru"), model("en-de", name="other"))
    source.sizes = {"tiny@1": 60, "other@1": 60}
    models = Models(source, Metrics(), "en", ModelLimits(max_bytes=100))

    async def run() -> list[ServedModel | BaseException]:
        return await asyncio.gather(
            *(models.open(BundleReference(name, "1")) for name in ("tiny", "other")), return_exceptions=True
        )

    ends = asyncio.run(run())
    assert sorted(type(end).__name__ for end in ends) == [ModelMemoryError.__name__, ServedModel.__name__]
