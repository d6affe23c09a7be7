"""Load, swap, go back, unload, canary: what each does to who is served by what, and that nobody is dropped."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from model_store.errors import BundleCorruptError, DecoderProcessError
from service.changes import Changes
from service.errors import (
    EngineFailedError,
    EngineUnavailableError,
    InvalidRequestError,
    ModelConflictError,
    ModelMemoryError,
    ModelNotFoundError,
    ModelUnusableError,
)
from service.metrics import Metrics
from service.models import ModelLimits, Models
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationRequest, TranslationResult
from tests.unit.service.fakes import FakeSource, ReversingEngine, engine_of, model

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Rig:
    """Loaded models of a store with tiny@1 and other@1, and what changes them."""

    def __init__(self, max_bytes: int = 0) -> None:
        self.source = FakeSource(model("en-ru"), model("en-de", name="other"))
        self.metrics = Metrics()
        self.models = Models(self.source, self.metrics, "en", ModelLimits(max_bytes=max_bytes))
        self.changes = Changes(self.models)
        self.translator = Translator(self.models.catalogue)

    async def started(self) -> Rig:
        await self.models.load()
        assert self.models.unready() == []
        return self

    def engine(self, reference: str) -> ReversingEngine:
        return engine_of(self.source.models[reference])

    def serving(self) -> list[str]:
        return [each.reference for each in self.models.catalogue().models]

    async def ask(self, text: str = "one two", model: str | None = None) -> TranslationResult:
        return await self.translator.translate(TranslationRequest((text,), "en", "ru", model))

    async def freed(self) -> None:
        async with asyncio.timeout(10):
            while self.models.retirement.models:
                await asyncio.sleep(0.001)


async def test_a_swap_keeps_the_old_version_until_its_requests_are_answered() -> None:
    rig = await Rig().started()
    rig.source.publish(model("en-ru", version="2"))
    old = rig.engine("tiny@1")
    old.gate.clear()
    before = [asyncio.create_task(rig.ask(f"text {number}")) for number in range(5)]
    while len(old.groups) < 6:
        await asyncio.sleep(0.001)
    assert (await rig.changes.swap("tiny")).reference == "tiny@2"
    assert rig.serving() == ["tiny@2", "other@1"]
    assert (await rig.ask()).ways[0].model_version == "2"
    assert [each.reference for each in rig.models.retirement.models] == ["tiny@1"]
    assert not old.drained
    old.gate.set()
    assert [(await task).ways[0].model_version for task in before] == ["1"] * 5
    await rig.freed()
    assert old.closed
    assert not rig.engine("tiny@2").closed


async def test_a_swap_to_what_cannot_be_loaded_changes_nothing() -> None:
    rig = await Rig().started()
    rig.source.publish(model("en-ru", version="2"))
    rig.source.broken["tiny@2"] = BundleCorruptError("weights: altered")
    with pytest.raises(ModelUnusableError, match="weights: altered"):
        await rig.changes.swap("tiny@2")
    rig.source.broken["tiny@2"] = DecoderProcessError("tiny@2: it hangs")
    with pytest.raises(EngineFailedError, match="tiny@2: it hangs"):
        await rig.changes.swap("tiny@2")
    for reference, kind in (("tiny@9", ModelNotFoundError), ("absent", ModelNotFoundError)):
        with pytest.raises(kind, match="no such bundle"):
            await rig.changes.swap(reference)
    assert rig.serving() == ["tiny@1", "other@1"]
    assert (await rig.ask()).ways[0].model_version == "1"
    assert rig.models.unready() == []


async def test_going_back_brings_the_version_back_even_while_it_is_leaving() -> None:
    rig = await Rig().started()
    rig.source.publish(model("en-ru", version="2"))
    with pytest.raises(ModelConflictError, match="tiny: there is nothing to go back to"):
        await rig.changes.roll_back("tiny")
    old = rig.engine("tiny@1")
    old.gate.clear()
    asked = asyncio.create_task(rig.ask())
    while len(old.groups) < 2:
        await asyncio.sleep(0.001)
    await rig.changes.swap("tiny@2")
    await rig.changes.roll_back("tiny")  # the request still holds version 1, which therefore was not freed
    assert rig.source.opened.count("tiny@1") == 1
    await rig.freed()
    old.gate.set()
    assert (await asked).ways[0].model_version == "1"
    assert (await rig.ask()).ways[0].model_version == "1"
    assert not old.closed
    assert rig.engine("tiny@2").closed
    await rig.changes.roll_back("tiny")  # gone by now, so it is loaded again
    assert rig.source.opened.count("tiny@2") == 2
    assert rig.serving() == ["tiny@2", "other@1"]


async def test_a_version_is_loaded_beside_and_unloaded() -> None:
    rig = await Rig().started()
    rig.source.publish(model("en-ru", version="2"), model("de-ru", name="third"))
    await rig.changes.load("tiny@2")
    assert await rig.changes.load("tiny") is await rig.changes.load("tiny@2")
    assert rig.source.opened.count("tiny@2") == 1
    await rig.changes.load("third")
    assert rig.serving() == ["tiny@1", "other@1", "third@1"]
    assert (await rig.ask()).ways[0].model_version == "1"
    assert (await rig.ask(model="tiny@2")).ways[0].model_version == "2"
    with pytest.raises(ModelConflictError, match="tiny@1: is the default of its bundle; swap to tiny@2 first"):
        await rig.changes.unload("tiny@1")
    await rig.changes.unload("tiny@2")
    with pytest.raises(ModelNotFoundError, match="'tiny@2' is not loaded"):
        await rig.ask(model="tiny@2")
    for reference in ("tiny@1", "other@1", "third@1"):
        await rig.changes.unload(reference)
    assert rig.models.unready() == ["failed: there are no models"]
    with pytest.raises(EngineUnavailableError, match="there are no models"):
        await rig.ask()
    await rig.changes.load("tiny@1")
    assert (await rig.ask()).ways[0].model_version == "1"


async def test_a_canary_gets_requests_until_it_ends_or_is_promoted() -> None:
    rig = await Rig().started()
    rig.source.publish(model("en-ru", version="2"))
    await rig.changes.set_canary("tiny@2", 0.3)
    texts = [f"text {number}" for number in range(60)]
    versions = [(await rig.ask(text)).ways[0].model_version for text in texts]
    assert 5 < versions.count("2") < 30
    assert [(await rig.ask(text)).ways[0].model_version for text in texts] == versions
    assert (await rig.ask(texts[versions.index("1")], "tiny@canary")).ways[0].model_version == "2"
    await rig.changes.end_canary("tiny")
    assert {(await rig.ask(text)).ways[0].model_version for text in texts} == {"1"}
    with pytest.raises(ModelConflictError, match="tiny: has no canary"):
        await rig.changes.end_canary("tiny")
    await rig.changes.set_canary("tiny@2", 1.0)
    await rig.changes.swap("tiny@2")
    assert rig.models.catalogue().canaries == ()
    assert {(await rig.ask(text)).ways[0].model_version for text in texts} == {"2"}
    await rig.freed()
    with pytest.raises(ModelConflictError, match="tiny@2: is the default"):
        await rig.changes.set_canary("tiny@2", 0.5)
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(InvalidRequestError, match="share"):
            await rig.changes.set_canary("tiny@1", share)
    with pytest.raises(ModelNotFoundError, match="'third' is not loaded; allowed: tiny, other"):
        await rig.changes.set_canary("third@1", 0.5)


async def test_a_swap_needs_room_for_both_versions() -> None:
    rig = Rig(max_bytes=100)
    rig.source.sizes = {"tiny@1": 40, "other@1": 20, "tiny@2": 50, "tiny@3": 40}
    await rig.started()
    rig.source.publish(model("en-ru", version="2"), model("en-ru", version="3"))
    with pytest.raises(ModelMemoryError, match=r"tiny@2: needs .* of which .* are taken: tiny@1 .*; other@1"):
        await rig.changes.swap("tiny@2")
    assert rig.serving() == ["tiny@1", "other@1"]
    await rig.changes.swap("tiny@3")
    assert rig.models.used_bytes == 100
    await rig.freed()
    assert rig.models.used_bytes == 60


async def test_who_asked_may_go_away_and_the_change_goes_on() -> None:
    rig = await Rig().started()
    slow = model("en-ru", version="2")
    engine_of(slow).gate.clear()
    rig.source.publish(slow)
    asked = asyncio.create_task(rig.changes.swap("tiny@2"))
    while not engine_of(slow).groups:
        await asyncio.sleep(0.001)
    asked.cancel()
    await asyncio.wait({asked})
    assert rig.serving() == ["tiny@1", "other@1"]
    second = asyncio.create_task(rig.changes.load("tiny@2"))
    await asyncio.sleep(0.01)
    assert not second.done(), "one change at a time"
    engine_of(slow).gate.set()
    assert (await second).reference == "tiny@2"
    assert rig.serving() == ["tiny@2", "other@1"]


async def test_no_changes_while_loading_or_shutting_down() -> None:
    rig = Rig()
    with pytest.raises(EngineUnavailableError, match="still being loaded"):
        await rig.changes.load("tiny")
    await rig.started()
    rig.models.draining = True
    with pytest.raises(EngineUnavailableError, match="shutting down"):
        await rig.changes.swap("tiny")


async def test_nothing_keeps_a_model_that_was_freed() -> None:
    rig = await Rig().started()
    await rig.changes.load("other@1")
    engine = weakref.ref(rig.engine("tiny@1"))
    del rig.source.models["tiny@1"]
    rig.source.publish(model("en-ru", version="2"))
    await rig.changes.swap("tiny@2")
    await rig.freed()
    assert b'model="tiny",version="1"' not in rig.metrics.render()
    assert b'model="tiny",version="2"' in rig.metrics.render()
    await asyncio.sleep(0)  # the task that freed it ends
    gc.collect()
    assert engine() is None
