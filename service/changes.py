"""Changes of the models while they serve: load, swap, go back, unload, canary; one at a time, whole or not at all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from model_store.errors import BundleError, BundleNotFoundError, ConfigError, DecoderProcessError
from service.catalogue import ServedModel
from service.errors import (
    EngineFailedError,
    EngineUnavailableError,
    InvalidRequestError,
    ModelConflictError,
    ModelNotFoundError,
    ModelUnusableError,
)
from service.models import Models

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Changes:
    """Whoever asks for a change may go away: it goes on. Used from one event loop.

    Every method raises, with nothing changed:
        InvalidRequestError: a reference that cannot be one. ModelNotFoundError: it is neither loaded nor in the store.
        ModelUnusableError: the bundle cannot be served. ModelConflictError: the state forbids it; ModelMemoryError,
        one of its kind: no room. EngineFailedError: a process that was to open it has ended, or hangs.
        EngineUnavailableError: this process is shutting down.
    """

    def __init__(self, models: Models) -> None:
        self._models = models
        self._one_at_a_time = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    async def load(self, reference: str) -> ServedModel:
        """Have a version in memory. The first of its bundle gets its requests; others get those that name them."""
        return await self._alone(lambda: self._loaded(reference))

    async def swap(self, reference: str) -> ServedModel:
        """Make a version the default, loading it first if need be. The one that it replaces goes when it has finished
        what it was asked for."""

        async def swap() -> ServedModel:
            model = await self._loaded(reference)
            self._promote(model)
            return model

        return await self._alone(swap)

    async def roll_back(self, name: str) -> ServedModel:
        """Make the default what it was before the latest swap."""

        async def roll_back() -> ServedModel:
            previous = self._models.lineup.versions(name).previous
            if previous is None:
                raise ModelConflictError(f"{name}: there is nothing to go back to: it was never swapped")
            model = await self._loaded(f"{name}@{previous}")
            self._promote(model)
            return model

        return await self._alone(roll_back)

    async def unload(self, reference: str) -> ServedModel:
        """Free a version when it has finished what it was asked for."""

        async def unload() -> ServedModel:
            model = self._find(reference)
            self._models.lineup.remove(model)
            self._models.retirement.begin(model)
            return model

        return await self._alone(unload)

    async def set_canary(self, reference: str, share: float) -> ServedModel:
        """Give a version a share of its bundle's requests, 0 < share <= 1, loading it first if need be."""

        async def set_canary() -> ServedModel:
            if not 0 < share <= 1:
                raise InvalidRequestError("share", f"{share} is not allowed; allowed: above 0, at most 1")
            self._models.lineup.versions(reference.partition("@")[0])
            model = await self._loaded(reference)
            self._models.lineup.set_canary(model, share)
            logger.info("canary", extra={"model": model.reference, "share": share})
            return model

        return await self._alone(set_canary)

    async def end_canary(self, name: str) -> ServedModel:
        """The canary gets no requests any more but those that name it; it stays loaded."""

        async def end_canary() -> ServedModel:
            model = self._models.lineup.end_canary(name)
            if model is None:
                raise ModelConflictError(f"{name}: has no canary")
            return model

        return await self._alone(end_canary)

    async def close(self) -> None:
        """Give up what has not ended."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    async def _alone(self, change: Callable[[], Coroutine[Any, Any, T]]) -> T:
        async def run() -> T:
            async with self._one_at_a_time:
                if self._models.draining or self._models.loading:
                    raise EngineUnavailableError("the models are still being loaded, or the process is shutting down")
                return await change()

        task = asyncio.create_task(run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_tell_the_log)
            raise

    async def _loaded(self, reference: str) -> ServedModel:
        """The version, loaded now if it was not."""
        try:
            found = self._models.lineup.find(reference)
            if found is not None:
                return found
            bundle = await asyncio.to_thread(self._models.source.find, reference)
            found = self._models.lineup.find(str(bundle))
            if found is not None:
                return found
            model = await self._models.open(bundle)
        except BundleNotFoundError as error:
            raise ModelNotFoundError(str(error)) from error
        except ConfigError as error:
            raise InvalidRequestError("model", str(error)) from error
        except BundleError as error:
            raise ModelUnusableError(str(error)) from error
        except DecoderProcessError as error:
            raise EngineFailedError(str(error)) from error
        self._models.add(model)
        return model

    def _find(self, reference: str) -> ServedModel:
        model = self._models.lineup.find(reference)
        if model is None:
            loaded = ", ".join(each.reference for each in self._models.lineup.loaded)
            raise ModelNotFoundError(f"model: {reference[:100]!r} is not loaded; allowed: {loaded}")
        return model

    def _promote(self, model: ServedModel) -> None:
        replaced = self._models.lineup.promote(model)
        if replaced is not None:
            self._models.lineup.remove(replaced)
            self._models.retirement.begin(replaced)
            logger.info("model swapped", extra={"model": model.reference, "replaced": replaced.reference})


def _tell_the_log(task: asyncio.Task[Any]) -> None:
    """How a change ended whose asker is gone."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a change of the models failed: %s", error)
