"""Following the store: newer versions are swapped to, what cannot be loaded is said and changes nothing."""

from __future__ import annotations

import logging

import pytest

from model_store.errors import BundleCorruptError, BundleError
from model_store.store import BundleReference
from service.changes import Changes
from service.metrics import Metrics
from service.models import Models
from service.watcher import Watcher
from tests.unit.service.fakes import FakeSource, model

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Rig:
    def __init__(self, source: FakeSource) -> None:
        self.source = source
        self.models = Models(source, Metrics(), "en")
        self.changes = Changes(self.models)
        self.watcher = Watcher(self.models, self.changes, 1.0)

    async def look(self) -> list[str]:
        """What is served after a look."""
        await self.watcher.look()
        return [each.reference for each in self.models.lineup.catalogue().models]


async def started(*versions: str) -> Rig:
    rig = Rig(FakeSource(*(model("en-ru", version=version) for version in versions)))
    await rig.models.load()
    return rig


async def test_a_newer_version_and_a_new_bundle_are_served() -> None:
    rig = await started("1")
    assert await rig.look() == ["tiny@1"]
    rig.source.publish(model("en-ru", version="9"), model("en-ru", version="10"), model("en-de", name="other"))
    assert await rig.look() == ["tiny@10", "other@1"]
    assert "tiny@9" not in rig.source.opened


async def test_a_version_that_cannot_be_loaded_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    rig = await started("1")
    rig.source.publish(model("en-ru", version="3"))
    rig.source.broken["tiny@3"] = BundleCorruptError("weights: is missing")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert await rig.look() == ["tiny@1"]
    assert [record.getMessage() for record in caplog.records] == [
        "a newer version cannot be served: weights: is missing"
    ]
    assert rig.models.failures == {"tiny@3": "weights: is missing"}
    assert rig.models.unready() == []
    rig.source.publish(model("en-ru", version="2"))
    assert await rig.look() == ["tiny@2"], "what is between is better than what was"
    rig.source.broken.clear()
    assert await rig.look() == ["tiny@3"]
    assert rig.models.failures == {}


async def test_a_fault_that_nobody_thought_of_is_not_the_end_either() -> None:
    rig = await started("1")
    rig.source.publish(model("en-ru", version="2"))
    rig.source.broken["tiny@2"] = ZeroDivisionError("?")
    assert await rig.look() == ["tiny@1"]
    assert rig.models.failures == {"tiny@2": "?"}
    del rig.source.models["tiny@2"]
    assert await rig.look() == ["tiny@1"]
    assert rig.models.failures == {}, "it is not in the store any more"


async def test_going_back_and_unloading_last() -> None:
    rig = await started("1")
    rig.source.publish(model("en-ru", version="2"))
    assert await rig.look() == ["tiny@2"]
    await rig.changes.roll_back("tiny")
    assert await rig.look() == ["tiny@1"]
    await rig.changes.unload("tiny@1")
    assert await rig.look() == []
    rig.source.publish(model("en-ru", version="3"))
    assert await rig.look() == ["tiny@3"]


async def test_what_was_missing_at_the_start_is_served_once_it_is_there() -> None:
    source = FakeSource(model("en-ru"))
    source.broken["tiny@1"] = BundleCorruptError("weights: is missing")
    rig = Rig(source)
    await rig.models.load()
    assert rig.models.unready() == ["failed: tiny@1: a file is missing, altered or of the wrong size"]
    assert await rig.look() == []
    source.broken.clear()
    assert await rig.look() == ["tiny@1"]
    assert rig.models.unready() == []


async def test_what_was_missing_at_the_start_and_is_taken_out_of_the_store_is_not_waited_for() -> None:
    source = FakeSource(model("en-ru"), model("en-de", name="other"))
    source.broken["other@1"] = BundleCorruptError("weights: is missing")
    rig = Rig(source)
    await rig.models.load()
    assert rig.models.unready() == ["failed: other@1: a file is missing, altered or of the wrong size"]
    del source.models["other@1"]
    assert await rig.look() == ["tiny@1"]
    assert rig.models.unready() == []
    assert rig.models.failed == {}


async def test_a_bundle_that_the_settings_name_is_waited_for_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource(model("en-ru"))
    source.broken["tiny@1"] = BundleCorruptError("weights: is missing")
    rig = Rig(source)
    await rig.models.load()
    del source.models["tiny@1"]
    monkeypatch.setattr(source, "starting_with", lambda: (source.find("tiny"),))
    assert await rig.look() == []
    assert rig.models.unready() == ["failed: tiny@1: a file is missing, altered or of the wrong size"]


async def test_a_store_that_cannot_be_read_is_said_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = await started("1")

    def unreachable() -> tuple[BundleReference, ...]:
        raise BundleError("s3://x: cannot be read: timed out")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(rig.source, "followed", unreachable)
        assert await rig.look() == await rig.look() == ["tiny@1"]
    assert [record.getMessage() for record in caplog.records] == [
        "the store cannot be followed: s3://x: cannot be read: timed out"
    ]
    rig.source.publish(model("en-ru", version="2"))
    assert await rig.look() == ["tiny@2"]
