"""Opens the bundles of the store that the settings name: store -> bundle -> decoder -> running engine."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import groupby
from typing import Protocol

import torch

from model_store.bundle import Bundle, load_bundle
from model_store.config import NetworkConfig
from model_store.decoding.backends import simd
from model_store.decoding.backends.choice import BackendName, Precision, check_device
from model_store.decoding.backends.int8 import unsupported
from model_store.decoding.decoder import Decoder
from model_store.decoding.in_flight import open_decoder
from model_store.decoding.newcomers import width_of
from model_store.decoding.processes.group import DecoderProcesses
from model_store.decoding.terms import TERMS_BEAM
from model_store.errors import BundleCorruptError, BundleNotFoundError, ConfigError, DecoderProcessError
from model_store.manifest import Manifest, read_manifest
from model_store.network.seq2seq import Seq2Seq
from model_store.opening import open_bundle_decoder
from model_store.store import BundleReference, BundleStore
from model_store.tokenizer import Tokenizer
from model_store.translations import Translations
from service.catalogue import ServedModel
from service.cores import numa_nodes
from service.engine.engine import Engine, EngineSettings
from service.engine.stats import EngineIdentity, EngineObserver
from service.errors import EngineUnavailableError
from service.gpus import choose_device, rows_on
from service.memory import need_bytes
from service.settings import Settings

# Beyond it a process has several threads: each costs memory, and shares the reading of weights among fewer sentences.
MOST_PROCESSES = 8

logger = logging.getLogger(__name__)


def find_bundles(settings: Settings) -> tuple[BundleReference, ...]:
    """The bundles to load, if all are whole. Raises as BundleLoader.starting_with."""
    loader = BundleLoader(settings, lambda _identity: EngineObserver())
    return tuple(versions[0] for versions in loader.starting_with())


class DecoderOpener(Protocol):
    """Makes a decoder of a network; lengths in tokens."""

    def __call__(
        self,
        network: Seq2Seq,
        tokenizer: Tokenizer,
        *,
        max_source_length: int,
        max_target_length: int,
        max_rows: int,
        backend: BackendName,
        precision: Precision,
        translations: Mapping[str, Translations],
    ) -> Decoder:
        """A decoder with nothing in it. translations: as open_decoder takes them."""


class BundleLoader:
    """The models that a store has: a ModelSource. `observer(identity)` is told what that engine does. decoder_opener:
    where it is given, all decoders are its, and in this process."""

    def __init__(
        self,
        settings: Settings,
        observer: Callable[[EngineIdentity], EngineObserver],
        decoder_opener: DecoderOpener | None = None,
    ) -> None:
        self._settings = settings
        self._observer = observer
        self._decoder_opener = decoder_opener
        self._store = BundleStore(settings.models)
        self._device = choose_device(settings.device)
        check_device(settings.backend, self._device.type)
        self._rows = settings.decoder_rows or rows_on(self._device)
        if self._device.type == "cpu":
            _warn_of_far_memory(numa_nodes())
        self._opening: set[Engine] = set()
        self._closed = False

    def starting_with(self) -> tuple[tuple[BundleReference, ...], ...]:
        """Those that the settings name, else all; of a bundle without a version every version, the newest first.

        Raises:
            BundleNotFoundError: there are none. ConfigError: a name or URL that cannot be one.
        """
        there = self._store.list()
        if not self._settings.default_models:
            if not there:
                raise BundleNotFoundError(
                    f"models: there is no bundle in {self._store.url}; set VERSO_MODELS or train one"
                )
            return tuple(tuple(reversed(list(group))) for _name, group in groupby(there, lambda each: each.name))
        wanted = []
        for named in self._settings.default_models:
            newest = self._store.find(named)
            pinned = "@" in named
            wanted.append((newest,) if pinned else tuple(each for each in reversed(there) if each.name == newest.name))
        return tuple(wanted)

    def followed(self) -> tuple[BundleReference, ...]:
        """All, or those that the settings name without a version."""
        named = self._settings.default_models
        return tuple(each for each in self._store.list() if not named or each.name in named)

    def available(self) -> tuple[BundleReference, ...]:
        """All that is in the store."""
        return self._store.list()

    def find(self, reference: str) -> BundleReference:
        """As BundleStore.find."""
        return self._store.find(reference)

    def need_bytes(self, reference: BundleReference) -> int:
        """As service.memory.need_bytes. A bundle that is far away is copied first."""
        return self._need_bytes(read_manifest(self._store.resolve(str(reference))))

    def open(self, reference: BundleReference) -> ServedModel:
        """Load a bundle and start its engine.

        Raises:
            BundleError: it is not whole. DecoderProcessError: a process that opens it has ended, or hangs.
            ConfigError: the settings do not go with it. EngineUnavailableError: `close` was called.
        """
        torch.set_num_threads(self._settings.threads)
        bundle = load_bundle(self._store.resolve(str(reference)))
        manifest = bundle.manifest
        if (manifest.name, manifest.version) != (reference.name, reference.version):
            raise BundleCorruptError(
                f"{reference}: the manifest says {manifest.reference}; a bundle lies in <name>/<version>/"
            )
        return self._served(bundle)

    def close(self) -> None:
        """What is being opened is given up; from any thread."""
        self._closed = True
        for engine in tuple(self._opening):
            engine.close()

    def _served(self, bundle: Bundle) -> ServedModel:
        settings, manifest, network = self._settings, bundle.manifest, bundle.network().to(self._device)
        if (rows := width_of(manifest.decoding.beam_size)) > self._rows:
            raise ConfigError(
                f"decoder_rows: {self._rows} cannot hold a beam of {manifest.decoding.beam_size}, which "
                f"{manifest.reference} decodes with; allowed: {rows} or more, or 0"
            )
        limits = [manifest.decoding.max_source_length, settings.max_source_length]
        target_length = manifest.decoding.max_length(min(limits))
        if network.config.bounded_positions:
            limits.append(network.config.positions)
            target_length = min(target_length, network.config.positions)
        # What a slot takes of memory follows from it, and a manifest may ask for anything. Longer sentences are cut.
        decoding = manifest.decoding.model_copy(update={"max_source_length": min(limits)})
        decoding = settings.over(decoding)
        identity = EngineIdentity(manifest.name, manifest.version, str(network.projection.weight.device))
        engine = Engine(
            self._decoder_factory(bundle, network, decoding.max_source_length, target_length),
            EngineSettings(
                max_queued_segments=settings.max_queued_segments,
                max_queued_tokens=settings.max_queued_tokens,
                cache_entries=settings.cache_entries,
            ),
            self._observer(identity),
        )
        self._opening.add(engine)
        try:
            if self._closed:
                raise EngineUnavailableError("shutting down: no model is opened any more")
            engine.start()
        except DecoderProcessError as error:
            raise DecoderProcessError(f"{manifest.reference}: {error}") from error
        finally:
            self._opening.discard(engine)
        return ServedModel(
            name=manifest.name,
            version=manifest.version,
            directions=manifest.pairs,
            decoding=decoding,
            max_target_length=target_length,
            tokenizer=bundle.tokenizer,
            engine=engine,
            device=identity.device,
            task=manifest.task,
            description=manifest.description,
            formality=manifest.formality,
            attention_lags=manifest.network.encoder.kind == "recurrent"
            and manifest.network.encoder.direction == "reversed",
            memory_bytes=self._need_bytes(manifest),
        )

    def _decoder_factory(
        self, bundle: Bundle, network: Seq2Seq, source_length: int, target_length: int
    ) -> Callable[[], Decoder]:
        """Of a decoder in this process, or of one in several; lengths in tokens."""
        settings, processes = self._settings, self.processes(bundle.manifest.network)
        if processes == 1:
            return partial(
                self._decoder_opener or open_decoder,
                network,
                bundle.tokenizer,
                max_source_length=source_length,
                max_target_length=target_length,
                max_rows=self._rows,
                backend=settings.backend,
                precision=settings.cuda_precision,
                translations=bundle.translations if settings.shortlist == "auto" else {},
            )
        opener = partial(
            open_bundle_decoder,
            folder=bundle.folder,
            manifest=bundle.manifest,
            max_source_length=source_length,
            max_target_length=target_length,
            max_rows=self._rows,
            backend=settings.backend,
            shortlist=settings.shortlist == "auto",
        )
        return partial(DecoderProcesses, opener, processes=processes, cores=settings.threads)

    def processes(self, network: NetworkConfig) -> int:
        """That a network is decoded in. Without compiled kernels all cores work on one step, as libraries can."""
        settings = self._settings
        if self._device.type != "cpu" or self._decoder_opener is not None or not hasattr(os, "fork"):
            return 1
        if settings.decoder_processes:
            return settings.decoder_processes
        return min(settings.threads, MOST_PROCESSES) if self._compiled(network) else 1

    def _compiled(self, network: NetworkConfig) -> bool:
        """Whether it runs on the kernels that are compiled on the machine."""
        there = self._device.type == "cpu" and simd.available()
        return there and self._settings.backend != "eager" and not unsupported(network)

    def _need_bytes(self, manifest: Manifest) -> int:
        settings = self._settings
        return need_bytes(
            manifest,
            processes=self.processes(manifest.network),
            decoder_rows=self._rows,
            max_source_length=settings.max_source_length,
            widest_beam=max(settings.max_beam_size, TERMS_BEAM),
            compiled=self._compiled(manifest.network),
        )


@cache  # once
def _warn_of_far_memory(nodes: int) -> None:
    if nodes > 1:
        logger.warning(
            "the cores are of %d NUMA nodes, and each step reads weights that are in the memory of one: better run a "
            "service for each node, bound to it, as docs/operations.md says",
            nodes,
        )
