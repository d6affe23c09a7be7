"""What is done before a model is ready, so that no request pays for it: on a CPU, with a stand-in for captures."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from model_store.decoding import step_graphs
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.int8 import Int8Backend
from model_store.decoding.backends.simd.linear import Projection
from model_store.decoding.in_flight import InFlightDecoder, open_decoder
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from service.engine.stats import EngineObserver
from service.loading import BundleLoader
from service.metrics import Metrics
from service.models import Models
from service.settings import Settings
from tests.unit.model_store.decoding.kinds import needs_simd
from tests.unit.model_store.decoding.test_device_fallbacks import Capture
from tests.unit.model_store.tiny_bundle import DESCRIPTION, save_tiny, translations_by


@needs_simd
def test_weights_for_shortlists_are_packed_before_it_is_ready(tmp_path: Path) -> None:
    """They are packed token by token for the first source that has a list: of the reference network in a tenth of a
    second."""
    lists = {language: translations_by([5, 6, 7]) for language in ("en", "ru")}
    save_tiny(tmp_path / "tiny" / "1", replace(DESCRIPTION, name="tiny", version="1"), translations=lists)
    opened: list[InFlightDecoder] = []

    def opener(*network_and_tokenizer: Any, **options: Any) -> InFlightDecoder:
        opened.append(open_decoder(*network_and_tokenizer, **options))
        return opened[-1]

    settings = Settings(models=str(tmp_path), threads=1)
    models = Models(BundleLoader(settings, lambda _identity: EngineObserver(), opener), Metrics(), "en")

    async def load() -> None:
        await models.load()
        await models.close(1.0)

    asyncio.run(load())
    (decoder,) = opened
    assert isinstance(decoder.backend, Int8Backend)
    projection = decoder.backend._projection
    assert isinstance(projection, Projection)
    assert projection._tokens is not None


def as_on_a_gpu(
    network: Seq2Seq,
    tokenizer: Tokenizer,
    *,
    max_source_length: int,
    max_target_length: int,
    max_rows: int,
    **_others: object,
) -> InFlightDecoder:
    """A DecoderOpener: steps that are the device's alone."""
    never = torch.tensor(sorted(tokenizer.control_ids))
    return InFlightDecoder(
        CudaGraphBackend(network, source_capacity=max_source_length, dtype=torch.float32),
        Vocabulary(tokenizer.bos_id, tokenizer.eos_id, never),
        max_target_length=max_target_length,
        max_rows=max_rows,
    )


def test_the_decoder_is_opened_in_the_precision_that_the_operator_sets(tmp_path: Path) -> None:
    asked: list[object] = []

    def opener(*network_and_tokenizer: object, precision: object, **others: object) -> InFlightDecoder:
        asked.append(precision)
        return as_on_a_gpu(*network_and_tokenizer, **others)  # type: ignore[arg-type]

    save_tiny(tmp_path / "tiny" / "1", replace(DESCRIPTION, name="tiny", version="1"))
    settings = Settings(
        models=str(tmp_path), threads=1, decoder_rows=8, max_source_length=20, cuda_precision="bfloat16"
    )
    source = BundleLoader(settings, lambda _identity: EngineObserver(), opener)

    async def load() -> None:
        models = Models(source, Metrics(), "en")
        await models.load()
        await models.close(1.0)

    asyncio.run(load())
    assert asked == ["bfloat16"]


@pytest.mark.parametrize("no_repeat_ngram", [0, 3])
def test_the_graphs_of_the_bundles_own_beam_are_there_before_it_is_ready(
    no_repeat_ngram: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = Capture()
    monkeypatch.setattr(step_graphs, "capturing", lambda _device: capture)
    decoding = DESCRIPTION.decoding.model_copy(update={"beam_size": 4, "no_repeat_ngram": no_repeat_ngram})
    save_tiny(tmp_path / "tiny" / "1", replace(DESCRIPTION, name="tiny", version="1", decoding=decoding))
    settings = Settings(models=str(tmp_path), threads=1, decoder_rows=16, max_source_length=20)
    source = BundleLoader(settings, lambda _identity: EngineObserver(), as_on_a_gpu)

    async def captured() -> list[int]:
        """How many when it is ready, and after a request of its own beam, of one as wide, and of a wider one."""
        models = Models(source, Metrics(), "en")
        await models.load()
        assert models.unready() == []
        (model,) = models.catalogue().models
        found = [capture.captured]
        for beam in (4, 3, 8):
            ids = model.source_ids("a b", model.directions[0][1])
            await model.engine.submit_all([Segment(ids, max_length=3, beam_size=beam, no_repeat_ngram=no_repeat_ngram)])
            found.append(capture.captured)
        await models.close(1.0)
        return found

    shapes = 3 * 2  # 1, 2, 4 slots; sources of up to 16 and 20 tokens
    assert asyncio.run(captured()) == [shapes, shapes, shapes, shapes + 2 * 2]
