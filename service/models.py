"""Loads the bundles, warms their engines up, says whether all is ready, drains and closes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

from model_store.decoding.segment import Segment
from model_store.errors import ModelStoreError
from service.catalogue import Catalogue, ServedModel
from service.errors import EngineUnavailableError
from service.metrics import Metrics

logger = logging.getLogger(__name__)

ModelOpener = Callable[[], Iterator[ServedModel]]


class Models:
    """The models of one app, from loading to closing. Used from one event loop."""

    def __init__(self, opener: ModelOpener, metrics: Metrics, pivot: str) -> None:
        """`opener` yields models with running engines; it is iterated in a thread, since loading blocks."""
        self._opener = opener
        self._metrics = metrics
        self._catalogue = Catalogue(pivot=pivot)
        self._problem: str | None = "loading: the models are not loaded yet"
        self.draining = False

    async def load(self) -> None:
        """Load and warm up every model. A failure is logged and stays in `unready`; it does not end the process,
        so that probes and logs can tell what is wrong."""
        try:
            iterator = await asyncio.to_thread(self._opener)
            started = time.monotonic()
            while (model := await asyncio.to_thread(next, iterator, None)) is not None:
                self._catalogue = Catalogue((*self._catalogue.models, model), self._catalogue.pivot)
                await _warm_up(model)
                load_s = time.monotonic() - started
                self._metrics.model_loaded(
                    name=model.name, version=model.version, load_s=load_s, health=model.engine.health
                )
                logger.info("model loaded", extra={"model": model.name, "version": model.version, "load_s": load_s})
                started = time.monotonic()
        except ModelStoreError as error:  # its message says all; a traceback would only hide it
            logger.error("loading failed: %s", error)
            self._problem = f"failed: {error}"
            return
        except Exception as error:
            logger.exception("loading failed")
            self._problem = f"failed: {error}"
            return
        self._problem = None if self._catalogue.models else "failed: there are no models"

    def unready(self) -> list[str]:
        """Why requests would not be answered; empty if they would."""
        reasons = [self._problem] if self._problem else []
        if self.draining:
            reasons.append("draining: shutting down")
        for model in self._catalogue.models:
            health = model.engine.health()
            if not health.healthy:
                reasons.append(f"unhealthy: {model.name}: {health.last_error or 'its engine does not run'}")
        return reasons

    def catalogue(self) -> Catalogue:
        """What is served.

        Raises:
            EngineUnavailableError: loading, failed or draining.
        """
        if self.draining:
            raise EngineUnavailableError("draining: shutting down")
        if self._problem:
            raise EngineUnavailableError(self._problem)
        return self._catalogue

    async def close(self, timeout_s: float) -> None:
        """Let the engines finish what they hold, at most `timeout_s` seconds, and stop them."""
        self.draining = True
        models = self._catalogue.models
        await asyncio.gather(*(model.engine.drain(timeout_s) for model in models))
        for model in models:
            await asyncio.to_thread(model.engine.close)


async def _warm_up(model: ServedModel) -> None:
    """Decode once, so that the first request does not pay for what is done lazily."""
    source = model.tokenizer.source_ids("a", target_language=model.directions[0][1])
    segment = Segment(source, max_length=4, beam_size=model.decoding.beam_size)
    await model.engine.submit_all([segment])
