"""Follows the store: a newer version that appears there is swapped to; one that cannot be loaded changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from itertools import groupby

from model_store.errors import ModelStoreError
from model_store.store import BundleReference
from service.changes import Changes
from service.errors import EngineUnavailableError, ServiceError
from service.models import Models

logger = logging.getLogger(__name__)


class Watcher:
    """Polls, since not every store can tell of changes. A bundle that is new to the service is loaded too.

    Only what is higher than every version that was ever the default is followed, so that going back to an older one
    lasts. A version that cannot be loaded, perhaps because it is still being copied, is tried again at the next look;
    until then it stands in `Models.failures`, and in the log once for each reason; one that is gone from the store is
    forgotten.
    """

    def __init__(self, models: Models, changes: Changes, every_s: float) -> None:
        self._models = models
        self._changes = changes
        self._every_s = every_s
        self._store_error: str | None = None

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except Exception:
                logger.exception("a look at the store failed")

    async def look(self) -> None:
        """Swap to what is new in the store now."""
        try:
            there = await asyncio.to_thread(self._models.source.followed)
        except ModelStoreError as error:
            if str(error) != self._store_error:
                logger.error("the store cannot be followed: %s", error)
            self._store_error = str(error)
            return
        self._store_error = None
        for gone in self._models.failures.keys() - {str(version) for version in there}:
            del self._models.failures[gone]
        if self._models.failed:
            await self._forget_bundles_that_are_gone()
        for name, versions in groupby(there, lambda version: version.name):
            await self._catch_up(name, list(versions))

    async def _forget_bundles_that_are_gone(self) -> None:
        """Those that the settings name are wanted whether or not they are there."""
        with contextlib.suppress(ModelStoreError):  # one that they name is not
            wanted = await asyncio.to_thread(self._models.source.starting_with)
            self._models.want_only({versions[0].name for versions in wanted})

    async def _catch_up(self, name: str, versions: list[BundleReference]) -> None:
        highest = self._models.lineup.highest(name)
        newer = [each for each in versions if highest is None or each.order > BundleReference(name, highest).order]
        for version in reversed(newer):
            try:
                await self._changes.swap(str(version))
            except EngineUnavailableError:
                return
            except (ModelStoreError, ServiceError) as error:
                self._failed(version, error)
            except Exception as error:
                self._failed(version, error, traceback=True)
            else:
                return

    def _failed(self, version: BundleReference, error: Exception, *, traceback: bool = False) -> None:
        if self._models.failures.get(str(version)) != str(error):
            logger.error(
                "a newer version cannot be served: %s",
                error,
                extra={"model": str(version)},
                exc_info=error if traceback else None,
            )
        self._models.failures[str(version)] = str(error)
