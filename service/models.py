"""The models of one app: opens bundles and warms them up, says whether all is ready, frees, drains and closes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from model_store.errors import BundleError, ModelStoreError
from model_store.opening import first_segment
from model_store.store import BundleReference
from service.catalogue import Catalogue, ServedModel
from service.errors import EngineUnavailableError, ModelMemoryError, ServiceError
from service.lineup import Lineup
from service.memory import give_back_memory
from service.metrics import Metrics
from service.public_faults import told_of_loading
from service.retirement import Retirement
from service.text.detection import detect

logger = logging.getLogger(__name__)

# What a request may take beyond its own limit until its answer is put together.
_ASSEMBLY_S = 30.0
# The name of what concerns no single bundle among the problems of the start.
_STORE = "the store"


class ModelSource(Protocol):
    """Where models come from; service/loading.py reads bundles. Called in threads, since all of it may block."""

    def starting_with(self) -> tuple[tuple[BundleReference, ...], ...]:
        """The bundles to serve from the start, each as the versions to try, best first."""

    def followed(self) -> tuple[BundleReference, ...]:
        """What is in the store of the bundles that are not pinned to a version, by name and ascending version."""

    def available(self) -> tuple[BundleReference, ...]:
        """All that is in the store."""

    def find(self, reference: str) -> BundleReference:
        """The bundle that "name" or "name@version" means. Raises BundleNotFoundError, ConfigError, BundleError."""

    def need_bytes(self, reference: BundleReference) -> int:
        """An upper estimate of the memory that it takes when it is loaded. Raises BundleError."""

    def open(self, reference: BundleReference) -> ServedModel:
        """Load it; its engine runs. Raises BundleError."""

    def close(self) -> None:
        """Nothing is to be opened any more: an `open` that waits raises EngineUnavailableError, however long its model
        would take."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why the start lacks a bundle. message: for operators; told: to everyone."""

    message: str
    told: str


@dataclass(frozen=True)
class ModelLimits:
    """max_bytes: memory that all models together may take; 0 is no limit. request_s: longest that a request may run."""

    max_bytes: int = 0
    request_s: float = 120.0


class Models:
    """The models of one app, from loading to closing. Used from one event loop.

    failures: why a version could not be loaded, by "name@version", until it can, or is gone from the store.
    """

    def __init__(self, source: ModelSource, metrics: Metrics, pivot: str, limits: ModelLimits | None = None) -> None:
        self.source = source
        self.limits = limits or ModelLimits()
        self.lineup = Lineup(pivot)
        self.retirement = Retirement(self.limits.request_s + _ASSEMBLY_S, self._freed)
        self.failures: dict[str, str] = {}
        self.loading = True
        self.draining = False
        self._metrics = metrics
        self._problems: dict[str, _Problem] = {}
        self._opening_bytes = 0

    async def load(self) -> None:
        """Load and warm up every model to start with. A failure is logged and stays in `unready`; it does not end the
        process, so that probes and logs can tell what is wrong."""
        try:
            for versions in await asyncio.to_thread(self.source.starting_with):
                await self._start_with(versions)
        except ModelStoreError as error:
            self._failed(_STORE, _STORE, error)
        finally:
            self.loading = False

    async def open(self, reference: BundleReference) -> ServedModel:
        """Load a bundle and decode once with it; nobody is served by it yet. One that is on its way out comes back.

        Raises:
            BundleError: it is not whole. ModelMemoryError: no room.
            DecoderProcessError: a process that opens it has ended, or hangs.
        """
        returned = await self.retirement.come_back(str(reference))
        if returned is not None:
            return returned
        started = time.monotonic()
        need = await asyncio.to_thread(self.source.need_bytes, reference)
        self._check_room(reference, need)
        self._opening_bytes += need
        try:
            model = await asyncio.to_thread(self.source.open, reference)
            try:
                await _warm_up(model)
            except BaseException:
                await asyncio.to_thread(model.engine.close)
                raise
        finally:
            self._opening_bytes -= need
            await asyncio.to_thread(give_back_memory)
        load_s = time.monotonic() - started
        self._metrics.model_loaded(
            model.identity, load_s=load_s, memory_bytes=model.memory_bytes, health=model.engine.health
        )
        logger.info("model loaded", extra={"model": model.name, "version": model.version, "load_s": load_s})
        return model

    def add(self, model: ServedModel) -> None:
        """A model that was opened can be asked for from now on."""
        self.lineup.add(model)
        self.failures.pop(model.reference, None)
        self._problems.pop(model.name, None)
        self._problems.pop(_STORE, None)

    def want_only(self, names: Collection[str]) -> None:
        """Of what could not be loaded at the start only these bundles are still waited for."""
        for name in self._problems.keys() - {_STORE, *names}:
            del self._problems[name]

    @property
    def used_bytes(self) -> int:
        """What is reckoned for all that is in memory: loaded, being loaded, or not freed yet."""
        return sum(each.memory_bytes for each in (*self.lineup.loaded, *self.retirement.models)) + self._opening_bytes

    @property
    def failed(self) -> dict[str, str]:
        """Everything that could not be loaded: `failures`, and problems of the start that no version stands for, by the
        name of the bundle or "the store"."""
        known = {reference.partition("@")[0] for reference in self.failures}
        others = {name: problem.message for name, problem in self._problems.items() if name not in known}
        return others | self.failures

    def unready(self) -> list[str]:
        """Why requests would not be answered, for everyone to read; empty if they would."""
        reasons = self._refusals()
        for model in self.lineup.catalogue().models:
            health = model.engine.health()
            if not health.healthy:
                reasons.append(f"unhealthy: {model.name}: {health.last_error or 'its engine does not run'}")
        return reasons

    def lost(self) -> list[str]:
        """What only a new process can mend; empty if there is nothing."""
        return [
            f"{model.reference}: {health.last_error}"
            for model in self.lineup.loaded
            if (health := model.engine.health()).lost
        ]

    def catalogue(self) -> Catalogue:
        """What is served.

        Raises:
            EngineUnavailableError: loading, failed or draining.
        """
        if reasons := self._refusals():
            raise EngineUnavailableError("; ".join(reasons))
        return self.lineup.catalogue()

    async def close(self, timeout_s: float) -> None:
        """Let the engines finish what they hold, at most `timeout_s` seconds, and stop them."""
        self.draining = True
        models = (*self.lineup.loaded, *self.retirement.models)
        self.retirement.stop()
        await asyncio.to_thread(self.source.close)
        await asyncio.gather(*(model.engine.drain(timeout_s) for model in models))
        for model in models:
            await asyncio.to_thread(model.engine.close)

    def _refusals(self) -> list[str]:
        """Why every request is refused."""
        if self.draining:
            return ["draining: shutting down"]
        if self.loading:
            return ["loading: the models are not loaded yet"]
        if self._problems:
            return [f"failed: {problem.told}" for problem in self._problems.values()]
        return [] if self.lineup.loaded else ["failed: there are no models"]

    async def _start_with(self, versions: tuple[BundleReference, ...]) -> None:
        """Serve the first of the versions that can be loaded. That one cannot is said, whether or not another can."""
        for version in versions:
            try:
                self.add(await self.open(version))
            except (ModelStoreError, ServiceError) as error:
                self.failures[str(version)] = str(error)
                if version != versions[-1] and isinstance(error, BundleError):
                    logger.error("an older version is tried: %s", error)
                    continue
                self._failed(version.name, str(version), error)
            except Exception as error:
                self._failed(version.name, str(version), error)
            return

    def _failed(self, name: str, where: str, error: Exception) -> None:
        """The start lacks that bundle, or all. where: the version of it."""
        self._problems[name] = _Problem(str(error), told_of_loading(where, error))
        # The message of an error of ours says all; a traceback would only hide it.
        ours = isinstance(error, ModelStoreError | ServiceError)
        logger.error("loading failed: %s", error, exc_info=None if ours else error)

    def _check_room(self, reference: BundleReference, need: int) -> None:
        most, used = self.limits.max_bytes, self.used_bytes
        if most and used + need > most:
            loaded = [f"{model.reference} {_mb(model.memory_bytes)}" for model in self.lineup.loaded]
            loaded += [f"{model.reference} {_mb(model.memory_bytes)}, being freed" for model in self.retirement.models]
            raise ModelMemoryError(
                f"{reference}: needs {_mb(need)}; the models may take {_mb(most)} (VERSO_MAX_MODEL_BYTES), of which "
                f"{_mb(used)} are taken: {'; '.join(loaded) or 'nothing is loaded'}"
            )

    def _freed(self, model: ServedModel) -> None:
        self._metrics.model_unloaded(model.identity)


async def _warm_up(model: ServedModel) -> None:
    """Decode and detect once, so that the first request does not pay for what is done lazily."""
    if model.task in ("translate", "summarize"):
        await asyncio.to_thread(detect, "a", sorted({source for source, _target in model.directions}))
    first = first_segment(model.tokenizer, model.directions, model.task, model.decoding)
    await model.engine.submit_all([first])


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
