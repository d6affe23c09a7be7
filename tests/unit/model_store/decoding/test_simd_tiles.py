"""Tiles of products of codes, of each instruction set that this processor has, against numpy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from model_store.decoding.backends import simd

if not simd.available():
    pytest.skip("this processor has neither AVX-512 VNNI nor AVX2", allow_module_level=True)

from numba import njit

from model_store.decoding.backends.simd import tiles
from model_store.decoding.backends.simd.packing import aligned

Array = np.ndarray
OF_KERNELS = [str(Path(__file__).with_name(name)) for name in ("test_simd.py", "test_int8.py", "test_shortlist.py")]


on_each_set = pytest.mark.parametrize("name", simd.instruction_sets())


def compiled_tile(multiply: Callable[..., None]) -> Callable[..., None]:
    @njit  # not kept, as there are several of one name
    def called(inputs: Array, weights: Array, sums: Array) -> None:
        multiply(inputs.ctypes.data, inputs.strides[0], weights.ctypes.data, weights.shape[0], sums.ctypes.data)

    return called  # type: ignore[no-any-return]


def compiled_dots(multiply: Callable[..., None]) -> Callable[..., None]:
    @njit
    def called(inputs: Array, weights: Array, order: Array, sums: Array) -> None:
        at = weights.ctypes.data + order * weights.shape[1]
        blocks = weights.shape[1] // tiles.BLOCK
        multiply(inputs.ctypes.data, inputs.strides[0], at[0], at[1], at[2], at[3], blocks, sums.ctypes.data)

    return called  # type: ignore[no-any-return]


@on_each_set
@pytest.mark.parametrize("largest", [True, False])
def test_tiles_of_each_instruction_set_are_exact(name: simd.InstructionSet, largest: bool) -> None:
    """Of rows that lie apart, and of the largest numbers of either sign, where sums of 16 bits would go wrong."""
    words, random, groups = tiles.words_of(name), np.random.default_rng(3), 37
    for count in range(1, words.ROWS + 1):
        inputs = random.integers(-127, 128, (count, 4 * groups + 8)).astype(words.CODE)
        weights = aligned((groups, tiles.COLUMNS, 4), np.uint8)
        weights[...] = random.integers(1, 256, weights.shape)
        if largest:
            inputs[0], inputs[-1], weights[:, :40] = 127, -127, 255
        sums = np.empty((count, tiles.COLUMNS), dtype=np.int32)
        compiled_tile(tiles.tile(count, words))(inputs, weights, sums)
        grouped = inputs[:, : 4 * groups].reshape(count, groups, 4).astype(np.int64)
        in_order = weights[..., np.argsort(words.PLACES)].astype(np.int64)
        assert (sums == np.einsum("rgi,gci->rc", grouped, in_order)).all()


@on_each_set
def test_dots_of_each_instruction_set_are_exact(name: simd.InstructionSet) -> None:
    words, random, width = tiles.words_of(name), np.random.default_rng(4), 3 * tiles.BLOCK
    for count in range(1, tiles.DOT_ROWS + 1):
        inputs = random.integers(-127, 128, (count, width + 5)).astype(words.CODE)
        weights = random.integers(1, 256, (9, width)).astype(np.uint8)
        inputs[0], weights[7] = -127, 255
        order, sums = np.array([7, 0, 3, 7]), np.empty((count, tiles.DOT_COLUMNS), dtype=np.int32)
        compiled_dots(tiles.dots(count, words))(inputs, weights, order, sums)
        assert (sums == inputs[:, :width].astype(np.int64) @ weights[order].T.astype(np.int64)).all()


@pytest.mark.skipif(simd.instruction_sets()[0] == "avx2", reason="it is what all tests run with here")
def test_kernels_are_as_exact_with_avx2(tmp_path: Path) -> None:
    """What tests the kernels, in a process where tiles are AVX2's."""
    run = f"""
from model_store.decoding.backends import simd
simd.instruction_sets = lambda: ("avx2",)
import pytest
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "simd or kept", *{OF_KERNELS!r}]))
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", run], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
