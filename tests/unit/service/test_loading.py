"""Which bundles of a real store are loaded, and what is refused."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from model_store.config import UNPRUNED, EncoderConfig, NetworkConfig
from model_store.decoding.backends import simd
from model_store.decoding.in_flight import open_decoder
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.segment import Segment
from model_store.errors import BundleCorruptError, BundleNotFoundError, ConfigError, DecoderProcessError
from model_store.store import BundleReference
from service import loading
from service.catalogue import ServedModel
from service.engine.engine import Engine
from service.engine.stats import EngineObserver
from service.errors import EngineFailedError, EngineUnavailableError
from service.loading import BundleLoader, find_bundles
from service.metrics import Metrics
from service.models import Models
from service.settings import Settings
from tests.unit.model_store.decoding.kinds import needs_simd
from tests.unit.model_store.tiny_bundle import DESCRIPTION, VOCABULARY, save_tiny, translations_by

PUBLISHED = (("other", "1"), ("tiny", "1"), ("tiny", "9"), ("tiny", "10"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, version in PUBLISHED:
        save_tiny(tmp_path / name / version, replace(DESCRIPTION, name=name, version=version))
    return tmp_path


def loader(folder: Path, *default_models: str, **limits: Any) -> BundleLoader:
    settings = Settings(models=str(folder), default_models=default_models, threads=1, **limits)
    return BundleLoader(settings, lambda _identity: EngineObserver())


def uncached(folder: Path) -> BundleLoader:
    """Two processes that everything is asked of, so that whoever asks again finds out that one has ended."""
    return loader(folder, decoder_processes=2, cache_entries=0)


def names(references: tuple[BundleReference, ...]) -> list[str]:
    return [str(reference) for reference in references]


def test_all_bundles_newest_first_unless_the_limitsname_some(folder: Path) -> None:
    assert [names(each) for each in loader(folder).starting_with()] == [["other@1"], ["tiny@10", "tiny@9", "tiny@1"]]
    named = loader(folder, "tiny", "other@1", "tiny@9").starting_with()
    assert [names(each) for each in named] == [["tiny@10", "tiny@9", "tiny@1"], ["other@1"], ["tiny@9"]]
    assert names(find_bundles(Settings(models=str(folder)))) == ["other@1", "tiny@10"]
    with pytest.raises(BundleNotFoundError, match="tiny@2: no such bundle"):
        loader(folder, "tiny@2").starting_with()
    with pytest.raises(BundleNotFoundError, match="there is no bundle in"):
        loader(folder / "tiny").starting_with()


def test_only_what_is_not_pinned_is_followed(folder: Path) -> None:
    everything = [f"{name}@{version}" for name, version in PUBLISHED]
    assert names(loader(folder).followed()) == names(loader(folder, "tiny@1").available()) == everything
    assert names(loader(folder, "other", "tiny@9").followed()) == ["other@1"]


@pytest.mark.parametrize(
    ("settings", "processes"),
    [
        ({"threads": 1}, 1),
        ({"threads": 3}, 3),
        ({"threads": 30}, 8),
        ({"threads": 3, "backend": "eager"}, 1),
        ({"threads": 3, "decoder_processes": 1}, 1),
        ({"threads": 1, "decoder_processes": 5}, 5),
    ],
)
@needs_simd
def test_how_many_processes_decode(folder: Path, settings: dict[str, Any], processes: int) -> None:
    loader = BundleLoader(Settings(models=str(folder), **settings), lambda _identity: EngineObserver())
    assert loader.processes(NetworkConfig(vocabulary=300)) == processes
    bidirectional = NetworkConfig(vocabulary=300, encoder=EncoderConfig(direction="bidirectional"))
    assert loader.processes(bidirectional) == settings.get("decoder_processes", 1)
    here = BundleLoader(Settings(models=str(folder), **settings), lambda _identity: EngineObserver(), open_decoder)
    assert here.processes(NetworkConfig(vocabulary=300)) == 1


def test_several_processes_decode_what_one_does_and_one_that_is_lost_is_replaced(folder: Path) -> None:
    found = []

    async def decode(processes: int) -> None:
        settings = Settings(models=str(folder), threads=2, decoder_processes=processes)
        model = BundleLoader(settings, lambda _identity: EngineObserver()).open(BundleReference("tiny", "9"))
        segments = [Segment(model.source_ids("ab" * size, "ru"), max_length=9) for size in range(1, 9)]
        try:
            found.append(await model.engine.submit_all(segments))
            assert model.engine.health().rows == 128 * processes
            if processes > 1:
                assert isinstance(model.engine, Engine)
                decoder = model.engine._worker._slots._decoder
                assert isinstance(decoder, DecoderProcesses)
                second = decoder._by_place[1]
                os.kill(second.ready.process, signal.SIGSTOP)  # so that it has something when it is killed
                others = [Segment(model.source_ids("ba" * size, "ru"), max_length=9) for size in range(1, 9)]
                lost = asyncio.create_task(model.engine.submit_all(others))
                while not second.widths:
                    await asyncio.sleep(0.01)
                os.kill(second.ready.process, signal.SIGKILL)
                with pytest.raises(EngineFailedError, match="a process that decodes has ended"):
                    await lost
                found.append(await model.engine.submit_all([replace(each, n_best=2) for each in segments]))
                assert model.engine.health().restarts == 1
        finally:
            model.engine.close()

    asyncio.run(decode(1))
    asyncio.run(decode(2))
    alone, several, replaced = [[result.hypotheses[0] for result in results] for results in found]
    assert alone == several == replaced


def test_a_decoder_is_not_made_anew_of_another_bundle_that_lies_there_by_now(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    there, away = folder / "tiny" / "9", folder / "away"

    async def lose_one(model: ServedModel) -> None:
        assert isinstance(model.engine, Engine)
        slots = model.engine._worker._slots
        assert isinstance(slots._decoder, DecoderProcesses)
        os.kill(slots._decoder._by_place[1].ready.process, signal.SIGKILL)
        segment = Segment(model.source_ids("ab", "ru"), max_length=9)
        while slots.last_error is None or "building the decoder" not in slots.last_error:
            with suppress(EngineFailedError, EngineUnavailableError):
                await model.engine.submit_all([segment])
            assert not slots.restarts, "it was made anew"
            await asyncio.sleep(0.01)
        assert f"{there}: is not the bundle any more that was loaded from there: " in caplog.text
        assert str(there) not in slots.last_error
        there.rename(folder / "other" / "2")
        away.rename(there)
        while not slots.built:
            await asyncio.sleep(0.01)
        assert len(await model.engine.submit_all([segment])) == 1

    model = uncached(folder).open(BundleReference("tiny", "9"))
    there.rename(away)
    save_tiny(there, replace(DESCRIPTION, version="9", network=NetworkConfig(vocabulary=VOCABULARY, hidden=16)))
    try:
        asyncio.run(lose_one(model))
    finally:
        model.engine.close()


def test_a_decoder_is_made_anew_though_what_its_bundle_says_of_itself_was_edited(folder: Path) -> None:
    model = uncached(folder).open(BundleReference("tiny", "9"))
    manifest = folder / "tiny" / "9" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("Knows nothing.", "Knows little."))
    (folder / "tiny" / "9" / "README.md").write_text("Knows little.")
    assert isinstance(model.engine, Engine)
    slots = model.engine._worker._slots
    assert isinstance(slots._decoder, DecoderProcesses)
    os.kill(slots._decoder._by_place[1].ready.process, signal.SIGKILL)

    async def lose_one() -> None:
        while not slots.restarts:
            with suppress(EngineFailedError, EngineUnavailableError):
                await model.engine.submit_all([Segment(model.source_ids("ab", "ru"), max_length=9)])
            assert slots.last_error is None or "building" not in slots.last_error, slots.last_error

    try:
        asyncio.run(lose_one())
    finally:
        model.engine.close()


def test_processes_that_cannot_be_opened_are_said_with_the_model(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_arguments: Any, **_named: Any) -> DecoderProcesses:
        raise DecoderProcessError("it hangs, in 600 s")

    monkeypatch.setattr("service.loading.DecoderProcesses", hang)
    with pytest.raises(DecoderProcessError, match="tiny@9: it hangs, in 600 s"):
        loader(folder, decoder_processes=2).open(BundleReference("tiny", "9"))


def test_a_model_that_takes_for_ever_is_given_up_at_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opens, goes_on = threading.Event(), threading.Event()

    def hang(*_arguments: Any, **_named: Any) -> DecoderProcesses:
        opens.set()
        assert goes_on.wait(120)
        raise DecoderProcessError("long after the end")

    monkeypatch.setattr("service.loading.DecoderProcesses", hang)
    monkeypatch.setattr("service.engine.engine.Engine.close", lambda engine: engine._worker.stop(0.0))
    opening = loader(folder, decoder_processes=2)
    with ThreadPoolExecutor() as executor:
        waits = executor.submit(opening.open, BundleReference("tiny", "9"))
        assert opens.wait(120)
        asyncio.run(Models(opening, Metrics(), "en").close(timeout_s=0.0))
        with pytest.raises(EngineUnavailableError, match="stopped before its decoder was built"):
            waits.result(120)
    with pytest.raises(EngineUnavailableError, match="no model is opened any more"):
        opening.open(BundleReference("tiny", "1"))
    goes_on.set()


def test_a_bundle_is_opened_with_a_running_engine(folder: Path) -> None:
    reference = BundleReference("tiny", "9")
    model = loader(folder).open(reference)
    try:
        assert model.reference == "tiny@9"
        assert model.engine.health().healthy
        assert model.memory_bytes == loader(folder).need_bytes(reference) > 0
    finally:
        model.engine.close()


def test_a_beam_that_no_decoder_would_have_room_for_is_refused(folder: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"decoder_rows: 3 cannot hold a beam of 4, which tiny@9 .*; allowed: 4 or more"
    ):
        loader(folder, decoder_rows=3).open(BundleReference("tiny", "9"))


def test_what_is_not_what_it_says_is_refused(folder: Path) -> None:
    (folder / "tiny" / "9").rename(folder / "tiny" / "11")
    with pytest.raises(BundleCorruptError, match="tiny@11: the manifest says tiny@9"):
        loader(folder).open(BundleReference("tiny", "11"))


def test_the_longest_source_is_the_bundles_or_what_the_operator_allows(folder: Path) -> None:
    reference = BundleReference("tiny", "9")
    allowed = (loader(folder), loader(folder, max_source_length=20))
    models = [each.open(reference) for each in allowed]
    for model in models:
        model.engine.close()
    assert [model.decoding.max_source_length for model in models] == [128, 20]
    assert allowed[1].need_bytes(reference) < allowed[0].need_bytes(reference)


@needs_simd
def test_what_compiled_kernels_keep_is_reckoned_where_they_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases: tuple[tuple[str, dict[str, str]], ...] = (("cpu", {}), ("cpu", {"backend": "eager"}), ("cuda", {}))
    needs = []
    for device, settings in cases:
        monkeypatch.setattr("service.loading.choose_device", lambda _name, device=device: torch.device(device))
        needs.append(loader(folder, decoder_rows=8, **settings).need_bytes(BundleReference("tiny", "9")))
    kept = simd.kept_bytes(DESCRIPTION.network.vocabulary, DESCRIPTION.network.hidden)
    assert [needs[0] - each for each in needs] == [0, kept, kept]


def test_when_a_search_ends_is_the_bundles_to_say_unless_the_operator_does(folder: Path) -> None:
    asked = {"horizon": 3, "pruning": 2.0, "channel_weight": 0.7, "no_repeat_ngram": 4, "clause_tokens": 30}
    usual = {"horizon": 8, "pruning": UNPRUNED, "channel_weight": 0.0, "no_repeat_ngram": 0, "clause_tokens": 0}
    models = [loader(folder, **each).open(BundleReference("tiny", "9")) for each in ({}, asked)]
    for model in models:
        model.engine.close()
    assert [each.decoding.model_dump(include=set(usual)) for each in models] == [usual, asked]


@pytest.mark.parametrize(("shortlist", "listed"), [("auto", True), ("off", False)])
def test_a_bundle_with_translations_writes_what_its_lists_have_unless_the_operator_says_no(
    tmp_path: Path, shortlist: Literal["auto", "off"], listed: bool
) -> None:
    save_tiny(tmp_path / "tiny" / "1", translations={"ru": translations_by([30, 40])})
    settings = Settings(models=str(tmp_path), threads=1, shortlist=shortlist)
    model = BundleLoader(settings, lambda _identity: EngineObserver()).open(BundleReference("tiny", "1"))
    source = (*model.tokenizer.prefix_ids("ru"), 100, model.tokenizer.eos_id)
    try:
        (result,) = asyncio.run(model.engine.submit_all([Segment(source, max_length=20, beam_size=8, n_best=8)]))
    finally:
        model.engine.close()
    written = {token for hypothesis in result.hypotheses for token in hypothesis.tokens}
    assert (written <= {30, 40, 100}) == listed


@pytest.mark.parametrize(("nodes", "warnings"), [(1, 0), (2, 1)])
def test_cores_of_several_numa_nodes_are_warned_of_once(
    nodes: int, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loading, "numa_nodes", lambda: nodes)
    for _time in range(2):
        BundleLoader(Settings(device="cpu"), lambda _identity: EngineObserver())
    assert [f"the cores are of {nodes} NUMA nodes" in text for text in caplog.messages] == [True] * warnings
