"""How much memory a bundle takes, reckoned from its manifest before it is read; how much there is; giving back,
and what Python's collector need not look through."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
from pathlib import Path

from model_store.decoding.encodings import KEPT_SOURCES
from model_store.manifest import TRANSLATIONS_FILE, Manifest

_FLOAT_BYTES = 4
_INTEGER_BYTES = 8
# Logits, log-probabilities, their sums and the sorted candidates live at the same time.
_STEP_COPIES = 4


def need_bytes(manifest: Manifest, *, decoder_rows: int, max_source_length: int) -> int:
    """An upper estimate, in bytes: the weights in float32 and packed in int8, shortlists where there are some, and a
    decoder with all its rows in use.

    max_source_length: most source tokens that the operator allows. Each row has, at worst, a source of its own (beam
    1), which it keeps for attention, and the attention of every step, which alignments are read from.
    """
    network, decoding = manifest.network, manifest.decoding
    source = min(decoding.max_source_length, max_source_length)
    target = decoding.max_length(source)
    encoding = _FLOAT_BYTES * (
        2 * source * network.hidden  # keys and values of attention
        + 2 * network.layers * network.hidden  # the decoder's state
        + network.embedding  # what is fed to it
    )
    row = encoding + _FLOAT_BYTES * (
        target * source  # the attention of every step
        + _STEP_COPIES * network.vocabulary
    )
    row += 2 * _INTEGER_BYTES * target  # the token and the parent of every step
    row += 2 * target * (2 * _INTEGER_BYTES + _FLOAT_BYTES)  # its candidates, should somebody ask for the search
    kept = 2 * KEPT_SOURCES * (encoding + source)  # encodings, and beginnings in as much
    listed = sum(entry.bytes for entry in manifest.files if entry.name == TRANSLATIONS_FILE)
    # The projection's weights a second time, token by token, and ids that the file holds in 2 bytes each.
    shortlists = network.vocabulary * network.readout + _INTEGER_BYTES // 2 * listed if listed else 0
    return (_FLOAT_BYTES + 1) * manifest.parameters + shortlists + decoder_rows * row + kept


def limit_bytes(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory that this process may take, in bytes: what its container allows, or all that the machine has."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # version 2, and 1
        try:
            return min(int((cgroup / name).read_text()), machine)
        except (OSError, ValueError):  # not there, or "max"
            continue
    return machine


def keep_for_good() -> None:
    """Have Python's collector of cycles pass over all that is there now. Torch, Numba and the models are half a million
    objects: to look through them takes a fifth of a second, in which nobody is answered. For processes of our own."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def give_back_memory() -> None:
    """Have the C library return to the system what was freed: loading copies a bundle several times, and without this
    the process keeps all of that, and what a freed model took. Does nothing where the library cannot (not glibc)."""
    if gc.get_freeze_count():
        keep_for_good()  # a model that was kept for good, and has been replaced, is in cycles
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
