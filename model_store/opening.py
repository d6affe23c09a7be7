"""Opens the decoder of a bundle in a folder, and has it decode once, so that nobody waits for what is done lazily."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from model_store.bundle import load_again
from model_store.config import DecodingConfig, Task
from model_store.decoding.backends.choice import BackendName
from model_store.decoding.backends.threads import Threads
from model_store.decoding.in_flight import InFlightDecoder, decode, open_decoder
from model_store.decoding.noisy_channel import channel_back
from model_store.decoding.segment import Segment
from model_store.manifest import Manifest
from model_store.tokenizer import Tokenizer


def first_segment(
    tokenizer: Tokenizer, directions: Sequence[tuple[str, str]], task: Task, decoding: DecodingConfig
) -> Segment:
    """A short one. What decides which steps it takes is as requests have it: kernels are compiled or read by it, and on
    a GPU the graphs of the bundle's own beam made; and the way back is read where what it finds has come to its end."""
    way, weight = directions[0], decoding.channel_weight if task == "translate" else 0.0
    most = decoding.max_source_length
    return Segment(
        tokenizer.source_ids("a", target_language=way[1], task=task),
        max_length=8,
        beam_size=decoding.beam_size,
        no_repeat_ngram=decoding.no_repeat_ngram,  # few sources repeat themselves
        channel=channel_back(tokenizer, way, directions, weight=weight, max_source_length=most),
    )


def open_bundle_decoder(
    threads: Threads,
    *,
    folder: Path,
    manifest: Manifest,
    max_source_length: int,
    max_target_length: int,
    max_rows: int,
    backend: BackendName,
    shortlist: bool,
) -> InFlightDecoder:
    """On a CPU. Lengths in tokens. manifest: of the bundle that is meant, with the checksums of its files: another may
    lie in its folder by now. shortlist: whether targets are made of the bundle's, where it has some.

    Raises:
        BundleCorruptError: as load_again. ConfigError: as open_backend.
    """
    bundle = load_again(folder, manifest)
    decoder = open_decoder(
        bundle.network(),
        bundle.tokenizer,
        max_source_length=max_source_length,
        max_target_length=max_target_length,
        max_rows=max_rows,
        backend=backend,
        translations=bundle.translations if shortlist else None,
        threads=threads,
    )
    first = first_segment(bundle.tokenizer, manifest.pairs, manifest.task, manifest.decoding)
    deque(decode(decoder, [first]), maxlen=0)
    return decoder
