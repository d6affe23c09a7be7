"""The memory that is reckoned for a bundle, against what its tensors take when every block is in use."""

from __future__ import annotations

import gc
import os
import platform
import weakref
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model_store.bundle import load_bundle
from model_store.config import DecodingConfig, NetworkConfig
from model_store.decoding.backends import simd
from model_store.decoding.in_flight import InFlightDecoder, open_decoder
from model_store.decoding.segment import Segment
from model_store.manifest import TRANSLATIONS_FILE, FileEntry
from service.memory import give_back_memory, keep_for_good, need_bytes
from tests.unit.model_store.tiny_bundle import DESCRIPTION, VOCABULARY, save_tiny


def tensor_bytes(*roots: object) -> int:
    """Bytes of all tensors that can be reached, each storage once."""
    seen: dict[int, int] = {}
    visited: set[int] = set()
    left = list(roots)
    while left:
        each = left.pop()
        if id(each) in visited:
            continue
        visited.add(id(each))
        if isinstance(each, torch.Tensor):
            packed = each.is_mkldnn  # a kernel's own layout, which has no storage that can be looked at
            key = id(each) if packed else each.untyped_storage().data_ptr()
            seen[key] = each.numel() * each.element_size() if packed else each.untyped_storage().nbytes()
        elif isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list | tuple | set):
            left += each
        elif type(each).__module__.startswith(("model_store", "torch.nn")):
            left += vars(each).values() if hasattr(each, "__dict__") else ()
    return sum(seen.values())


def fill(decoder: InFlightDecoder, beam_size: int, eos: int) -> list[int]:
    """As many segments of that beam as there is room for, all of them encoded; their tickets."""
    tickets = decoder.admit([Segment((5, 6, eos), 60, beam_size)] * decoder.room(beam_size))
    decoder.step()
    while decoder.encoding:
        decoder.step()
    return tickets


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("widths", [(1,), (4,), (1, 2, 4), (1, 2, 4, 8, 16)])
def test_enough_is_reckoned_and_not_far_too_much(tmp_path: Path, layers: int, widths: tuple[int, ...]) -> None:
    """Beams of several widths take all rows one after the other, each beside one segment of every width before."""
    description = replace(
        DESCRIPTION,
        network=NetworkConfig(vocabulary=VOCABULARY, layers=layers, hidden=64, embedding=64),
        decoding=DecodingConfig(max_source_length=60, beam_size=max(widths)),
    )
    manifest = save_tiny(tmp_path / "bundle", description)
    bundle = load_bundle(tmp_path / "bundle")
    decoding = manifest.decoding
    decoder: InFlightDecoder = open_decoder(
        bundle.network(),
        bundle.tokenizer,
        max_source_length=60,
        max_target_length=decoding.max_length(60),
        max_rows=96,
    )
    for width in widths:
        tickets = fill(decoder, width, bundle.tokenizer.eos_id)
        assert decoder.room(1) == 0
        for ticket in tickets[1:] if width != widths[-1] else ():
            decoder.cancel(ticket)
    taken = tensor_bytes(decoder)
    reckoned = need_bytes(manifest, decoder_rows=96, max_source_length=1024, widest_beam=1, compiled=simd.available())
    assert taken <= reckoned
    if len(widths) == widths[-1].bit_length():  # all that may come were there
        assert reckoned <= 2.5 * taken


def test_shortlists_are_reckoned(tmp_path: Path) -> None:
    manifest = save_tiny(tmp_path / "bundle")
    entry = FileEntry(name=TRANSLATIONS_FILE, bytes=1000, sha256="0" * 64)
    listed = manifest.model_copy(update={"files": (*manifest.files, entry)})
    without, with_lists = (
        need_bytes(each, decoder_rows=8, max_source_length=64, widest_beam=4, compiled=True)
        for each in (manifest, listed)
    )
    assert with_lists - without == manifest.network.vocabulary * manifest.network.readout + 4000


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_what_was_freed_is_given_back() -> None:
    """Blocks too small to be mapped on their own, each second one of them freed at first."""
    give_back_memory()  # what tests before this one freed would be taken for the blocks
    before = resident_bytes()
    blocks = [bytes(100_000) for _ in range(2000)]
    held = blocks[::2]
    del blocks
    kept = resident_bytes()
    del held[:-1]
    give_back_memory()
    assert kept - before > 100_000_000
    assert resident_bytes() - before < 50_000_000
    assert held


class Ring:
    """Something that only the collector of cycles frees."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_kept_for_good_is_looked_at_again_only_when_memory_is_given_back() -> None:
    ring = Ring()
    gone = weakref.ref(ring)
    try:
        keep_for_good()
        assert gc.get_freeze_count() > 10_000
        del ring
        gc.collect()
        assert gone() is not None
        give_back_memory()
        assert gone() is None
        assert gc.get_freeze_count() > 10_000, "the rest stays"
    finally:
        gc.unfreeze()


def test_a_process_that_keeps_nothing_for_good_does_not_begin_to_by_giving_back() -> None:
    before = gc.get_freeze_count()
    give_back_memory()
    assert gc.get_freeze_count() == before == 0
