"""How much memory a bundle takes, reckoned from its manifest before it is read; how much there is; giving back,
and what Python's collector need not look through."""

from __future__ import annotations

import gc
import os
from pathlib import Path

from model_store.decoding.backends.simd import kept_bytes
from model_store.decoding.encodings import KEPT_SOURCES
from model_store.freed_memory import give_back_freed_memory
from model_store.manifest import TRANSLATIONS_FILE, Manifest

_FLOAT_BYTES = 4
_INTEGER_BYTES = 8
# Logits, log-probabilities, their sums and the sorted candidates live at the same time.
_STEP_COPIES = 4
# A decoder's blocks grow as they are needed, and the C library keeps what lies free between tensors of many sizes. With
# all slots of all widths in use, one by one, a process takes more than its tensors.
_IN_PIECES = 1.25


def need_bytes(
    manifest: Manifest,
    *,
    decoder_rows: int,
    max_source_length: int,
    widest_beam: int,
    compiled: bool,
    processes: int = 1,
) -> int:
    """An upper estimate, in bytes: the weights in float32 and packed in int8, shortlists where there are some, and a
    decoder that has had all its rows in use with beams of every width, in each of so many processes.

    max_source_length: most source tokens that the operator allows. widest_beam: that is asked for, if the bundle's own
    is not wider. For each power of two up to it the decoder keeps slots, as many as were ever in use at once: of each
    width as many as fill its rows, at worst. A slot has a source, kept for attention, and for each of its rows the
    attention of every step, which alignments are read from. compiled: whether it runs on the kernels that are compiled
    on the machine, which keep what tokens add to the gates of the first layer.
    """
    network, decoding = manifest.network, manifest.decoding
    source = min(decoding.max_source_length, max_source_length)
    target = decoding.max_length(source)
    slot = source * (2 * _FLOAT_BYTES * network.hidden + 1)  # keys and values of attention, and what of it is there
    state = _FLOAT_BYTES * (2 * network.layers * network.hidden + network.embedding)  # and what is fed to it
    row = _FLOAT_BYTES * target * source  # the attention of every step
    row += 2 * _INTEGER_BYTES * target  # the token and the parent of every step
    row += 2 * target * (2 * _INTEGER_BYTES + _FLOAT_BYTES)  # its candidates, should somebody ask for the search
    widths = [width for width in _powers_of_two(max(widest_beam, decoding.beam_size)) if width <= decoder_rows]
    slots = sum(decoder_rows // width for width in widths)
    decoder = slots * slot + decoder_rows * (
        len(widths) * row + state + _STEP_COPIES * _FLOAT_BYTES * network.vocabulary
    )
    kept = 2 * KEPT_SOURCES * (slot + state)  # encodings, and beginnings in as much
    listed = sum(entry.bytes for entry in manifest.files if entry.name == TRANSLATIONS_FILE)
    # The projection's weights a second time, token by token, and ids that the file holds in 2 bytes each.
    shortlists = network.vocabulary * network.readout + _INTEGER_BYTES // 2 * listed if listed else 0
    each = int(_IN_PIECES * (decoder + kept))
    if compiled:
        each += kept_bytes(network.vocabulary, network.hidden)  # nothing is allocated around it
    return (_FLOAT_BYTES + 1) * manifest.parameters + shortlists + processes * each


def _powers_of_two(most: int) -> list[int]:
    """1, 2, 4, ... up to the first that is no less than `most`."""
    return [1 << exponent for exponent in range((most - 1).bit_length() + 1)]


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
    """Return to the system what was freed: loading copies a bundle several times, and without this the process keeps
    all of that, and what a freed model took."""
    if gc.get_freeze_count():
        keep_for_good()  # a model that was kept for good, and has been replaced, is in cycles
    give_back_freed_memory()
