"""The life of the models: loading, ready, failing, unhealthy, draining, closed; the memory they may take."""

from __future__ import annotations

import asyncio

import pytest

from model_store.errors import BundleCorruptError, BundleError, BundleNotFoundError, DecoderProcessError
from model_store.store import BundleReference
from service.catalogue import ServedModel
from service.errors import EngineUnavailableError, ModelMemoryError
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
    source.broken["other@1"] = OSError(5, "disk on fire")
    models = loaded(source)
    assert models.unready() == ["failed: other@1: disk on fire"]
    with pytest.raises(EngineUnavailableError, match="disk on fire"):
        models.catalogue()
    assert loaded(FakeSource()).unready() == ["failed: there are no models"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BundleCorruptError("/secret/tiny/1/weights: altered"), "a file is missing, altered or of the wrong size"),
        (BundleError("/secret: cannot be read: no permission"), "it cannot be read"),
        (FileNotFoundError(2, "No such file or directory", "/secret/tiny/1"), "No such file or directory"),
        (OSError("cannot open /secret/tiny/1"), "OSError"),
        (RuntimeError("no locator for /secret/kernels.py"), "RuntimeError"),
        (DecoderProcessError("a process that decodes has ended"), "a process that decodes has ended"),
    ],
)
def test_strangers_are_told_the_kind_of_fault_and_operators_and_the_log_the_place(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = FakeSource(model("en-ru"))
    source.broken["tiny@1"] = error
    models = loaded(source)
    assert models.unready() == [f"failed: tiny@1: {told}"]
    with pytest.raises(EngineUnavailableError, match=r"^failed: tiny@1: ") as refused:
        models.catalogue()
    assert "/secret" not in str(refused.value)
    assert list(models.failed.values()) == [str(error)]
    assert str(error) in caplog.text


def test_a_store_without_bundles_is_not_named_to_strangers() -> None:
    class Empty(FakeSource):
        def starting_with(self) -> tuple[tuple[BundleReference, ...], ...]:
            raise BundleNotFoundError("models: there is no bundle in /secret")

    models = loaded(Empty())
    assert models.unready() == ["failed: the store: there is no such bundle"]
    assert models.failed == {"the store": "models: there is no bundle in /secret"}


def test_a_damaged_newest_version_does_not_keep_the_one_before_from_serving() -> None:
    source = FakeSource(model("en-ru"), model("en-ru", version="2"), model("en-ru", version="3"))
    source.broken["tiny@3"] = BundleCorruptError("weights: altered")
    models = loaded(source)
    assert models.unready() == []
    assert [each.reference for each in models.catalogue().models] == ["tiny@2"]
    assert models.failures == {"tiny@3": "weights: altered"}
    source.broken |= {reference: BundleCorruptError("altered too") for reference in ("tiny@2", "tiny@1")}
    assert loaded(source).unready() == ["failed: tiny@1: a file is missing, altered or of the wrong size"]


def test_a_model_whose_warm_up_fails_is_closed() -> None:
    tiny = model("en-ru")
    engine_of(tiny).errors.append(RuntimeError("NaN"))
    assert loaded(FakeSource(tiny)).unready() == ["failed: tiny@1: RuntimeError"]
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
