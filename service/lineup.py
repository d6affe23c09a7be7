"""Which versions of each bundle are loaded, and which of them gets requests; plain bookkeeping, it loads nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_store.store import BundleReference
from service.catalogue import Canary, Catalogue, ServedModel
from service.errors import ModelConflictError, ModelNotFoundError


@dataclass
class Versions:
    """One bundle's. default: gets the requests. previous: the default before it, which need not be loaded any more."""

    default: ServedModel
    previous: str | None = None
    canary: Canary | None = None
    others: list[ServedModel] = field(default_factory=list)

    @property
    def loaded(self) -> tuple[ServedModel, ...]:
        """All of them, the default first."""
        return (self.default, *([self.canary.model] if self.canary else []), *self.others)


class Lineup:
    """The versions of every bundle, in the order in which the bundles came."""

    def __init__(self, pivot: str) -> None:
        self._pivot = pivot
        self._bundles: dict[str, Versions] = {}
        self._highest: dict[str, str] = {}

    def catalogue(self) -> Catalogue:
        """What requests are answered with."""
        bundles = self._bundles.values()
        return Catalogue(
            models=tuple(each.default for each in bundles),
            pivot=self._pivot,
            canaries=tuple(each.canary for each in bundles if each.canary),
            others=tuple(other for each in bundles for other in each.others),
        )

    @property
    def loaded(self) -> tuple[ServedModel, ...]:
        """Every version of every bundle."""
        return tuple(model for each in self._bundles.values() for model in each.loaded)

    def versions(self, name: str) -> Versions:
        """Those of one bundle.

        Raises:
            ModelNotFoundError: no version of it is loaded.
        """
        if name not in self._bundles:
            raise ModelNotFoundError(f"model: {name[:100]!r} is not loaded; allowed: {', '.join(self._bundles)}")
        return self._bundles[name]

    def find(self, reference: str) -> ServedModel | None:
        """The loaded version "name@version"; None if it is not loaded."""
        return next((model for model in self.loaded if model.reference == reference), None)

    def highest(self, name: str) -> str | None:
        """The highest version that was ever the default, even if it is gone; None if there was none. Whoever follows
        the store goes by it, or going back would be taken for being behind."""
        return self._highest.get(name)

    def add(self, model: ServedModel) -> None:
        """A version was loaded. The first of its bundle becomes the default; others get no requests yet."""
        if model.name in self._bundles:
            self._bundles[model.name].others.append(model)
        else:
            self._bundles[model.name] = Versions(model)
            self._note_highest(model)

    def promote(self, model: ServedModel) -> ServedModel | None:
        """A loaded version becomes the default of its bundle; returns the one it replaces, None if it was it already.

        What it replaces stays loaded until it is removed.
        """
        versions = self._bundles[model.name]
        replaced = versions.default
        if replaced is model:
            return None
        self._take_out(versions, model)
        versions.default, versions.previous = model, replaced.version
        versions.others.append(replaced)
        self._note_highest(model)
        return replaced

    def set_canary(self, model: ServedModel, share: float) -> None:
        """A loaded version gets that share of its bundle's requests, 0 < share <= 1; another canary gets none any more.

        Raises:
            ModelConflictError: it is the default.
        """
        versions = self._bundles[model.name]
        if model is versions.default:
            raise ModelConflictError(f"{model.reference}: is the default of its bundle, and gets the requests already")
        self.end_canary(model.name)
        versions.others.remove(model)
        versions.canary = Canary(model, share)

    def end_canary(self, name: str) -> ServedModel | None:
        """The canary gets no share any more and stays loaded; returns it, None if there was none."""
        versions = self.versions(name)
        canary = versions.canary
        if canary is None:
            return None
        versions.canary = None
        versions.others.append(canary.model)
        return canary.model

    def remove(self, model: ServedModel) -> None:
        """A version goes. The default can only go as the last of its bundle.

        Raises:
            ModelConflictError: it is the default, and there are others.
        """
        versions = self._bundles[model.name]
        if model is not versions.default:
            self._take_out(versions, model)
        elif len(versions.loaded) == 1:
            del self._bundles[model.name]
        else:
            others = ", ".join(each.reference for each in versions.loaded[1:])
            raise ModelConflictError(f"{model.reference}: is the default of its bundle; swap to {others} first")

    def _take_out(self, versions: Versions, model: ServedModel) -> None:
        if versions.canary and versions.canary.model is model:
            versions.canary = None
        else:
            versions.others.remove(model)

    def _note_highest(self, model: ServedModel) -> None:
        known = self._highest.get(model.name, model.version)
        self._highest[model.name] = max(
            known, model.version, key=lambda version: BundleReference(model.name, version).order
        )
