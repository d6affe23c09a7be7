"""Which loaded bundle translates which pair of languages: directly, or through the pivot language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from model_store.config import DecodingConfig
from model_store.decoding.segment import Segment
from model_store.tokenizer import Tokenizer
from service.engine.segment import Priority, SegmentResult
from service.engine.stats import EngineHealth
from service.errors import ModelNotFoundError, UnsupportedPairError


class SegmentEngine(Protocol):
    """What the service needs of an engine; service/engine/engine.py says what each does and raises."""

    async def submit_all(
        self,
        segments: Sequence[Segment],
        *,
        priority: Priority = Priority.INTERACTIVE,
        deadline_s: float | None = None,
    ) -> list[SegmentResult]:
        """Decode a group of segments; results in the same order."""

    def health(self) -> EngineHealth:
        """The state now."""

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new work and wait for what was accepted."""

    def close(self) -> None:
        """Stop."""


@dataclass(frozen=True)
class ServedModel:
    """A bundle that is loaded, with its engine.

    directions: (source, target) pairs of language codes. max_target_length: longest target, in tokens with EOS, that
    its decoder has room for.
    """

    name: str
    version: str
    directions: tuple[tuple[str, str], ...]
    decoding: DecodingConfig
    max_target_length: int
    tokenizer: Tokenizer
    engine: SegmentEngine
    description: str = ""

    @property
    def max_source_tokens(self) -> int:
        """Most subwords of one segment, without the control ids in front and EOS."""
        return self.decoding.max_source_length - self.tokenizer.source_prefix - 1


@dataclass(frozen=True)
class Leg:
    """One pass through a model."""

    model: ServedModel
    source: str
    target: str


@dataclass(frozen=True)
class Catalogue:
    """The loaded bundles in order of preference. pivot: the language in the middle of a pair that none serves."""

    models: tuple[ServedModel, ...] = ()
    pivot: str = "en"

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that is a source or a target, sorted."""
        return tuple(sorted({language for model in self.models for pair in model.directions for language in pair}))

    def language(self, code: str, field: str) -> str:
        """The served language that `code` names, whatever its case.

        Raises:
            UnsupportedPairError: there is none.
        """
        for language in self.languages:
            if language.lower() == code.lower():
                return language
        raise UnsupportedPairError(
            f"{field}: {code[:40]!r} is not a served language; allowed: {', '.join(self.languages)}"
        )

    def targets(self, source: str) -> tuple[str, ...]:
        """Languages that `source` can be translated to, through the pivot too; sorted, without `source` itself."""
        return tuple(target for target in self.languages if target != source and self._route(source, target))

    def route(self, source: str, target: str, model: str | None = None) -> tuple[Leg, ...]:
        """The passes that make `target` of `source` (codes as `language` gives them): none if they are the same.

        model: only through the bundle of that "name" or "name@version".

        Raises:
            UnsupportedPairError: no way leads there. ModelNotFoundError: no such bundle is loaded.
        """
        chosen = self if model is None else Catalogue(self.named(model), self.pivot)
        if source == target:
            return ()
        legs = chosen._route(source, target)
        if not legs:
            pairs = ", ".join(f"{a}-{b}" for a in chosen.languages for b in chosen.targets(a))
            raise UnsupportedPairError(f"target: {source}-{target} is not a served pair; allowed: {pairs}")
        return legs

    def named(self, model: str) -> tuple[ServedModel, ...]:
        """The bundles that "name" or "name@version" means.

        Raises:
            ModelNotFoundError: there is none.
        """
        found = tuple(each for each in self.models if model in (each.name, f"{each.name}@{each.version}"))
        if not found:
            loaded = ", ".join(f"{each.name}@{each.version}" for each in self.models)
            raise ModelNotFoundError(f"model: {model[:100]!r} is not loaded; allowed: {loaded}")
        return found

    def _route(self, source: str, target: str) -> tuple[Leg, ...]:
        direct = self._leg(source, target)
        if direct:
            return (direct,)
        first, second = self._leg(source, self.pivot), self._leg(self.pivot, target)
        return (first, second) if first and second else ()

    def _leg(self, source: str, target: str) -> Leg | None:
        for model in self.models:
            if (source, target) in model.directions:
                return Leg(model, source, target)
        return None
