"""Opens the bundles that the settings name: store -> bundle -> decoder -> running engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import torch

from model_store.bundle import Bundle, load_bundle
from model_store.decoding.in_flight import open_decoder
from model_store.errors import BundleCorruptError, BundleNotFoundError
from model_store.store import BundleReference, BundleStore, shipped_bundles
from service.catalogue import ServedModel
from service.engine.engine import Engine, EngineSettings
from service.engine.stats import EngineObserver
from service.settings import Settings

logger = logging.getLogger(__name__)

# The task of the bundles that this service has a pipeline for.
TASK = "translate"


def find_bundles(settings: Settings) -> tuple[BundleReference, ...]:
    """The bundles to load: those that the settings name, else the newest version of each.

    Raises:
        BundleNotFoundError: there are none. ConfigError: a name or URL that cannot be one.
    """
    store = _store(settings)
    if settings.default_models:
        return tuple(store.find(reference) for reference in settings.default_models)
    newest = {reference.name: reference for reference in store.list()}
    if not newest:
        raise BundleNotFoundError(f"models: there is no bundle in {store.url}; set VERSO_MODELS or train one")
    return tuple(newest.values())


def open_bundles(settings: Settings, observer: Callable[[str], EngineObserver]) -> Iterator[ServedModel]:
    """Load the bundles one after the other; each comes with a running engine that `observer(name)` is told of.

    Raises:
        As `find_bundles`; BundleError for a bundle that is not whole.
    """
    torch.set_num_threads(settings.threads)
    store = _store(settings)
    for reference in find_bundles(settings):
        bundle = load_bundle(store.resolve(str(reference)))
        if (bundle.manifest.name, bundle.manifest.version) != (reference.name, reference.version):
            raise BundleCorruptError(
                f"{reference}: the manifest says {bundle.manifest.name}@{bundle.manifest.version}; "
                "a bundle lies in <name>/<version>/"
            )
        if bundle.manifest.task == TASK:
            yield _served(bundle, settings, observer(bundle.manifest.name))
        else:
            logger.warning("skipped: its task is not served", extra={"model": str(reference)})


def _store(settings: Settings) -> BundleStore:
    return BundleStore(settings.models or str(shipped_bundles()))


def _served(bundle: Bundle, settings: Settings, observer: EngineObserver) -> ServedModel:
    manifest, network = bundle.manifest, bundle.network()
    limits = [manifest.decoding.max_source_length, settings.max_source_length]
    target_length = manifest.decoding.max_length(min(limits))
    if network.config.bounded_positions:
        limits.append(network.config.positions)
        target_length = min(target_length, network.config.positions)
    # What a slot takes of memory follows from it, and a manifest may ask for anything. Longer sentences are cut.
    decoding = manifest.decoding.model_copy(update={"max_source_length": min(limits)})
    engine = Engine(
        partial(
            open_decoder,
            network,
            bundle.tokenizer,
            max_source_length=decoding.max_source_length,
            max_target_length=target_length,
            max_blocks=settings.decoder_blocks,
        ),
        EngineSettings(
            max_queued_segments=settings.max_queued_segments,
            max_queued_tokens=settings.max_queued_tokens,
            cache_entries=settings.cache_entries,
        ),
        observer,
    )
    engine.start()
    return ServedModel(
        name=manifest.name,
        version=manifest.version,
        directions=manifest.pairs,
        decoding=decoding,
        max_target_length=target_length,
        tokenizer=bundle.tokenizer,
        engine=engine,
        description=manifest.description,
    )
