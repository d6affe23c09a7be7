"""Frees models that were replaced: each finishes what it was asked for first, and can come back until then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from service.catalogue import ServedModel
from service.memory import give_back_memory

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Leaving:
    model: ServedModel
    task: asyncio.Task[None]
    closing: bool = False


class Retirement:
    """Models on their way out. Used from one event loop; `freed` is told of each when it is gone."""

    def __init__(self, most_s: float, freed: Callable[[ServedModel], None]) -> None:
        """most_s: seconds after which a model goes even if it is still in use, which no request should be by then."""
        self._most_s = most_s
        self._freed = freed
        self._leaving: list[_Leaving] = []

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """Those that are still in memory."""
        return tuple(each.model for each in self._leaving)

    def begin(self, model: ServedModel) -> None:
        """No new request gets the model: let it finish in the background, then free it."""
        task = asyncio.create_task(self._see_off(model))
        # Only when the task has ended does nothing hold the model any more.
        task.add_done_callback(lambda _task: give_back_memory())
        self._leaving.append(_Leaving(model, task))

    async def come_back(self, reference: str) -> ServedModel | None:
        """The model "name@version" if it is still there, from now on not on its way out. None when it is gone, for
        good: if it is being freed just now, this waits for it."""
        for each in list(self._leaving):
            if each.model.reference != reference:
                continue
            if not each.closing:
                each.task.cancel()
                self._leaving.remove(each)
                return each.model
            await asyncio.wait({each.task})
        return None

    def stop(self) -> None:
        """Free nothing any more: whoever calls this closes the models."""
        for each in self._leaving:
            each.task.cancel()

    async def _see_off(self, model: ServedModel) -> None:
        try:
            async with asyncio.timeout(self._most_s):
                await model.uses.idle()
        except TimeoutError:
            logger.error("still in use long after its last request came", extra={"model": model.reference})
        leaving = next(each for each in self._leaving if each.model is model)
        leaving.closing = True
        await model.engine.drain(1.0)
        await asyncio.to_thread(model.engine.close)
        self._leaving.remove(leaving)
        self._freed(model)
        logger.info("model freed", extra={"model": model.name, "version": model.version})
