"""What the pipelines have in common: models, limits, and who is told of warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from service.catalogue import Catalogue
from service.pipeline.door import Door
from service.pipeline.leg import GroupLimits
from service.pipeline.request import RequestLimits
from service.pipeline.translation import WarningName


class Pipeline:
    """Works with whatever `catalogue()` holds at the moment; `warned` is told of each warning."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        limits: RequestLimits | None = None,
        groups: GroupLimits | None = None,
        warned: Callable[[WarningName], None] = lambda _warning: None,
    ) -> None:
        self._catalogue = catalogue
        self.limits = limits or RequestLimits()
        self._groups = groups or GroupLimits()
        self._warned = warned
        self._door = Door()

    def _warn(self, warnings: Iterable[WarningName]) -> None:
        for warning in warnings:
            self._warned(warning)
