"""A tokenizer and an engine for tests of the service: no network, and answers that can be computed by hand."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import replace

from model_store.config import DecodingConfig
from model_store.decoding.segment import Hypothesis, Segment
from model_store.errors import BundleNotFoundError
from model_store.store import BundleReference
from model_store.tokenizer import Tokenizer
from service.catalogue import ServedModel
from service.engine.flights import Watch
from service.engine.segment import ANYONE, Client, Priority, SegmentResult, SegmentTimings, Standing
from service.engine.stats import EngineHealth, Waiting
from service.engine.waiting import GroupSize
from training.config import TokenizerConfig
from training.tokenizer_training import train_tokenizer


@functools.cache
def tiny_tokenizer() -> Tokenizer:
    sentences = ["the quick brown fox jumps over the lazy dog", "съешь ещё этих мягких булок", "hello world, one two"]
    sentences += [f"word{number} слово{number * 7}" for number in range(100)]
    config = TokenizerConfig(vocabulary=325, character_coverage=1.0)
    return train_tokenizer(sentences, config, languages=["en", "ru", "de"], seed=1)


class ReversingEngine:
    """Reverses the words of a segment, the i-th hypothesis with i exclamation marks, so that lost or swapped text
    shows. A segment of max_length 1 comes back unfinished. `gate` holds all answers back until it is set.
    refuse_if_full raises `full`, submit_all the `errors` in turn."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.gate = asyncio.Event()
        self.gate.set()
        self.errors: list[Exception] = []
        self.full: Exception | None = None
        self.groups: list[list[Segment]] = []
        self.asked: list[tuple[Client, Priority, float | None]] = []
        self.standings: list[Standing] = []
        self.least: list[GroupSize] = []
        self.cancelled = 0
        self.healthy = True
        self.lost = False
        self.drained = self.closed = False

    async def submit_all(
        self,
        segments: Sequence[Segment],
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline_s: float | None = None,
        client: Client = ANYONE,
        standing: Standing = Standing.NEW,
        watch: Watch | None = None,
    ) -> list[SegmentResult]:
        self.groups.append(list(segments))
        self.asked.append((client, priority, deadline_s))
        self.standings.append(standing)
        if self.errors:
            raise self.errors.pop(0)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        results = [self._result(segment) for segment in segments]
        if watch is not None:
            for index, result in enumerate(results):
                tokens = result.hypotheses[0].tokens
                watch(index, tokens[: len(tokens) // 2], False)
                watch(index, tokens, True)
            await asyncio.sleep(0.01)  # a real one goes on in another thread
        return results

    def refuse_if_full(
        self,
        texts: int,
        least: GroupSize,
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline_s: float | None = None,
        client: Client = ANYONE,
    ) -> None:
        self.least.append(least)
        if self.full is not None:
            raise self.full

    def health(self) -> EngineHealth:
        nothing = dict.fromkeys(Priority, Waiting())
        return EngineHealth(True, self.healthy, self.lost, False, nothing, 0, 0, None if self.healthy else "it broke")

    async def drain(self, timeout_s: float) -> bool:
        self.drained = True
        return True

    def close(self) -> None:
        self.closed = True

    def _answer(self, words: list[str]) -> str:
        return " ".join(reversed(words))

    def _result(self, segment: Segment) -> SegmentResult:
        text = self._answer(self.tokenizer.decode(segment.source).split())
        hypotheses = tuple(self._hypothesis(segment, text + "!" * rank, rank) for rank in range(segment.n_best))
        return SegmentResult(hypotheses, SegmentTimings(queue_s=0.25, decode_s=0.5, steps=3), "decoded")

    def _hypothesis(self, segment: Segment, text: str, rank: int) -> Hypothesis:
        tokens = tuple(self.tokenizer.encode(text))
        log_prob = -float(len(tokens) + 1) * (rank + 1)
        prefix = self.tokenizer.source_prefix
        return Hypothesis(
            tokens,
            log_prob,
            score=log_prob,
            finished=segment.max_length > 1,
            alignment=tuple(prefix + min(i, len(segment.source) - prefix - 2) for i in range(len(tokens))),
        )


class ShorteningEngine(ReversingEngine):
    """Keeps the first two words."""

    def _answer(self, words: list[str]) -> str:
        return " ".join(words[:2])


class EchoingEngine(ReversingEngine):
    """Keeps everything: no summary at all."""

    def _answer(self, words: list[str]) -> str:
        return " ".join(words)


def summarizer(*languages: str, engine: type[ReversingEngine] = ShorteningEngine) -> ServedModel:
    """A model that makes summaries; it reads 40 ids at once."""
    made = model(*(f"{language}-{language}" for language in languages), name="short")
    return replace(made, task="summarize", engine=engine(made.tokenizer))


def model(*directions: str, name: str = "tiny", version: str = "1") -> ServedModel:
    """A model of the fake engine; directions as "en-ru"."""
    tokenizer = tiny_tokenizer()
    pairs = tuple((source, target) for source, _, target in (each.partition("-") for each in directions))
    return ServedModel(
        name=name,
        version=version,
        directions=pairs,
        decoding=DecodingConfig(max_source_length=40),
        max_target_length=90,
        tokenizer=tokenizer,
        engine=ReversingEngine(tokenizer),
    )


def engine_of(model: ServedModel) -> ReversingEngine:
    assert isinstance(model.engine, ReversingEngine)
    return model.engine


class FakeSource:
    """A store of models of the fake engine. `broken` says why a version cannot be opened; `sizes` what it needs."""

    def __init__(self, *models: ServedModel) -> None:
        self.models = {model.reference: model for model in models}
        self.broken: dict[str, Exception] = {}
        self.sizes: dict[str, int] = {}
        self.opened: list[str] = []

    def publish(self, *models: ServedModel) -> None:
        """More versions appear in the store."""
        self.models |= {model.reference: model for model in models}

    def available(self) -> tuple[BundleReference, ...]:
        there = [BundleReference(model.name, model.version) for model in self.models.values()]
        return tuple(sorted(there, key=lambda reference: reference.order))

    def followed(self) -> tuple[BundleReference, ...]:
        return self.available()

    def starting_with(self) -> tuple[tuple[BundleReference, ...], ...]:
        names = dict.fromkeys(model.name for model in self.models.values())
        return tuple(tuple(each for each in reversed(self.available()) if each.name == name) for name in names)

    def find(self, reference: str) -> BundleReference:
        found = [each for each in self.available() if reference in (str(each), each.name)]
        if not found:
            raise BundleNotFoundError(f"{reference}: no such bundle")
        return found[-1]

    def need_bytes(self, reference: BundleReference) -> int:
        return self.sizes.get(str(reference), 0)

    def open(self, reference: BundleReference) -> ServedModel:
        self.opened.append(str(reference))
        if str(reference) in self.broken:
            raise self.broken[str(reference)]
        return replace(self.models[str(reference)], memory_bytes=self.need_bytes(reference))

    def close(self) -> None:
        """Its models are opened at once."""


def opener(*models: ServedModel) -> FakeSource:
    """A store that has the models."""
    return FakeSource(*models)
