"""Which loaded bundle translates which pair of languages, directly or through the pivot, and which summarizes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from model_store.config import DecodingConfig, Formality, Task
from model_store.decoding.noisy_channel import channel_back
from model_store.decoding.segment import Channel, Segment
from model_store.tokenizer import Tokenizer
from service.engine.flights import Watch
from service.engine.segment import ANYONE, Client, Priority, SegmentResult, Standing
from service.engine.stats import EngineHealth, EngineIdentity
from service.engine.waiting import GroupSize
from service.errors import InvalidRequestError, ModelNotFoundError, UnsupportedLanguageError, UnsupportedPairError
from service.languages import match_language
from service.uses import Uses

DEFAULT, CANARY = "default", "canary"


class SegmentEngine(Protocol):
    """What the service needs of an engine; service/engine/engine.py says what each does and raises."""

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
        """Decode a group of segments; results in the same order."""

    def refuse_if_full(
        self, texts: int, least: GroupSize, *, priority: Priority, deadline_s: float | None = None, client: Client
    ) -> None:
        """Raise what submit_all would raise for any new group of `least` that or more."""

    def health(self) -> EngineHealth:
        """The state now."""

    async def drain(self, timeout_s: float) -> bool:
        """Refuse new work and wait for what was accepted."""

    def close(self) -> None:
        """Stop."""


@dataclass(frozen=True)
class ServedModel:
    """A bundle that is loaded, with its engine.

    directions: (source, target) pairs of language codes. formality: target languages in which a way of addressing the
    reader can be asked for. max_target_length: longest target, in tokens with EOS, that
    its decoder has room for. attention_lags: whether the weight of a word may lie on the one to its left. memory_bytes:
    what is reckoned for it. device: where it computes. uses: held by every request that is routed to it.
    """

    name: str
    version: str
    directions: tuple[tuple[str, str], ...]
    decoding: DecodingConfig
    max_target_length: int
    tokenizer: Tokenizer
    engine: SegmentEngine
    task: Task = "translate"
    description: str = ""
    formality: tuple[str, ...] = ()
    attention_lags: bool = False
    memory_bytes: int = 0
    device: str = "cpu"
    uses: Uses = field(default_factory=Uses, compare=False, repr=False)

    @property
    def reference(self) -> str:
        """ "name@version"."""
        return f"{self.name}@{self.version}"

    @property
    def identity(self) -> EngineIdentity:
        """What its engine is known by."""
        return EngineIdentity(self.name, self.version, self.device)

    def source_ids(self, text: str, target: str, formality: Formality = "default") -> tuple[int, ...]:
        """What the model reads of `text` for its task, in language `target`."""
        return self.tokenizer.source_ids(text, target_language=target, task=self.task, formality=formality)

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

    @property
    def channel(self) -> Channel | None:
        """What hypotheses are ranked by besides; None if the model has only this direction, or no weight for it."""
        model, way = self.model, (self.source, self.target)
        if model.task != "translate":
            return None
        weight, most = model.decoding.channel_weight, model.decoding.max_source_length
        return channel_back(model.tokenizer, way, model.directions, weight=weight, max_source_length=most)


@dataclass(frozen=True)
class Canary:
    """A version that gets a share of the requests for its bundle: 0 < share <= 1."""

    model: ServedModel
    share: float

    def takes(self, texts: Sequence[str]) -> bool:
        """Whether it gets the request for those texts. Always the same ones, so that a text which is sent twice does
        not flicker between versions; another canary gets others."""
        digest = hashlib.blake2b(self.model.reference.encode(), digest_size=8)
        for text in texts:
            digest.update(b"\0" + text.encode(errors="surrogatepass"))
        return int.from_bytes(digest.digest(), "big") < self.share * 2**64


@dataclass(frozen=True)
class Catalogue:
    """The loaded bundles, one version of each, in order of preference.

    pivot: a code of the language in the middle of a pair that none serves. canaries: versions that get a share of the
        requests. others: versions that are loaded and get only the requests that name them.
    """

    models: tuple[ServedModel, ...]
    pivot: str = "en"
    canaries: tuple[Canary, ...] = ()
    others: tuple[ServedModel, ...] = ()

    def for_request(self, texts: Sequence[str], model: str | None = None, task: Task | None = None) -> Catalogue:
        """What the request for `texts` may use: one version of each bundle, its canary's turn decided.

        model: only the bundle of that "name", "name@version", "name@default" or "name@canary". task: what this one has
        to do.

        Raises:
            ModelNotFoundError: no such bundle is loaded. InvalidRequestError: it does something else.
        """
        name, _, version = (model or "").partition("@")
        taking = {each.model.name: each.model for each in self.canaries if not version and each.takes(texts)}
        if model is None:
            return replace(self, models=tuple(taking.get(each.name, each) for each in self.models))
        chosen = taking.get(name) or self._named(name, version or DEFAULT)
        if chosen is None:
            loaded = ", ".join(each.reference for each in self.loaded)
            raise ModelNotFoundError(f"model: {model[:100]!r} is not loaded; allowed: {loaded}")
        if task not in (None, chosen.task):
            raise _asked_elsewhere(chosen)
        return replace(self, models=(chosen,))

    @property
    def loaded(self) -> tuple[ServedModel, ...]:
        """Every version that can be asked for by name."""
        return (*self.models, *(each.model for each in self.canaries), *self.others)

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that is translated from or to, sorted."""
        return tuple(sorted({code for model in self._doing("translate") for pair in model.directions for code in pair}))

    @cached_property
    def middle(self) -> str | None:
        """The served language that `pivot` names: in any case, and with a script or region more or less."""
        return match_language(self.pivot, self.languages)

    def language(self, code: str, field: str) -> str:
        """The served language that `code` names: in any case, and with a script or region more or less.

        Raises:
            UnsupportedLanguageError: there is none.
        """
        language = match_language(code, self.languages)
        if language is None:
            raise UnsupportedLanguageError(field, code, self.languages)
        return language

    def targets(self, source: str) -> tuple[str, ...]:
        """Languages that `source` can be translated to, through the pivot too; sorted, without `source` itself."""
        return tuple(target for target in self.languages if target != source and self._route(source, target))

    def route(self, source: str, target: str) -> tuple[Leg, ...]:
        """The passes that make `target` of `source` (codes as `language` gives them): none if they are the same.

        Raises:
            UnsupportedPairError: no way leads there.
        """
        if source == target:
            return ()
        legs = self._route(source, target)
        if not legs:
            raise UnsupportedPairError(source, target, [f"{a}-{b}" for a in self.languages for b in self.targets(a)])
        return legs

    @property
    def summarizers(self) -> dict[str, Leg]:
        """By language, the pass that makes a summary of a text in it."""
        found: dict[str, Leg] = {}
        for model in self._doing("summarize"):
            for source, target in model.directions:
                if source == target:
                    found.setdefault(source, Leg(model, source, target))
        return found

    def summarizer(self, language: str) -> Leg:
        """The pass that makes a summary of a text in `language`: in any case, and with a script or region more or less.

        Raises:
            InvalidRequestError: no bundle summarizes that language.
        """
        summarizers = self.summarizers
        code = match_language(language, summarizers)
        if code is not None:
            return summarizers[code]
        allowed = ", ".join(sorted(summarizers)) or "none, since no summarizer is loaded"
        raise InvalidRequestError("language", f"{language[:40]!r} is not summarized; allowed: {allowed}")

    def generator(self, language: str | None) -> Leg:
        """The pass of the one model that there is for the request, of any task but those with a route of their own.

        language: what it is to write; None if it writes only one.

        Raises:
            InvalidRequestError: the model is of another kind, or does not write that language.
        """
        (model,) = self.models
        if model.task in ("translate", "summarize"):
            raise _asked_elsewhere(model)
        written = {target: Leg(model, source, target) for source, target in reversed(model.directions)}
        allowed = ", ".join(sorted(written))
        if language is None and len(written) > 1:
            raise InvalidRequestError("language", f"is missing; allowed: {allowed}")
        for code, leg in written.items():
            if language is None or code.lower() == language.lower():
                return leg
        raise InvalidRequestError("language", f"{(language or '')[:40]!r} is not written; allowed: {allowed}")

    def _named(self, name: str, version: str) -> ServedModel | None:
        """The loaded bundle of that name and version, or alias."""
        for alias, models in ((DEFAULT, self.models), (CANARY, tuple(each.model for each in self.canaries))):
            for each in models:
                if each.name == name and version in (each.version, alias):
                    return each
        return next((each for each in self.others if (each.name, each.version) == (name, version)), None)

    def _route(self, source: str, target: str) -> tuple[Leg, ...]:
        direct = self._leg(source, target)
        if direct:
            return (direct,)
        if self.middle is None:
            return ()
        first, second = self._leg(source, self.middle), self._leg(self.middle, target)
        return (first, second) if first and second else ()

    def _leg(self, source: str, target: str) -> Leg | None:
        for model in self._doing("translate"):
            if (source, target) in model.directions:
                return Leg(model, source, target)
        return None

    def _doing(self, task: Task) -> tuple[ServedModel, ...]:
        return tuple(model for model in self.models if model.task == task)


def _asked_elsewhere(model: ServedModel) -> InvalidRequestError:
    route = model.task if model.task in ("translate", "summarize") else "generate"
    return InvalidRequestError("model", f"{model.reference!r} is asked at /v1/{route}")
