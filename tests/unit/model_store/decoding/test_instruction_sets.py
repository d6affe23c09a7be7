"""Which instruction sets the compiled kernels are made of, by what a processor says of itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from model_store.decoding.backends import simd

binding = pytest.importorskip("llvmlite.binding", reason="Numba is not installed, so there are no kernels")

AVX2 = ("avx2", "fma")
AVX512 = ("avx512f", "avx512bw", "avx512vnni")


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX"):
        monkeypatch.delenv(name, raising=False)
    simd.instruction_sets.cache_clear()
    yield
    simd.instruction_sets.cache_clear()


def processor(monkeypatch: pytest.MonkeyPatch, *features: str, name: str = "znver3") -> None:
    known = {"sse4.2": True, "avx2": False, **dict.fromkeys(features, True)}
    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: known)
    monkeypatch.setattr(binding, "get_host_cpu_name", lambda: name)


@pytest.mark.parametrize(
    ("features", "sets"),
    [
        ((*AVX2, *AVX512), ("avx512_vnni", "avx2")),
        (AVX2, ("avx2",)),
        ((*AVX2, "avx512f", "avx512bw"), ("avx2",)),  # Skylake's servers
        (("avx2",), ()),
        ((), ()),
    ],
)
def test_a_set_needs_all_of_its_features(
    monkeypatch: pytest.MonkeyPatch, features: tuple[str, ...], sets: tuple[str, ...]
) -> None:
    processor(monkeypatch, *features)
    assert simd.instruction_sets() == sets
    assert simd.available() == bool(sets)


def test_none_where_numba_leaves_avx_out(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, *AVX2, name="nocona")  # what virtual machines may call themselves
    assert simd.instruction_sets() == ()


@pytest.mark.parametrize("variable", ["NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX"])
def test_none_where_numba_was_told_what_to_compile_for(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    processor(monkeypatch, *AVX2)
    monkeypatch.setenv(variable, "0")
    assert simd.instruction_sets() == ()


def test_none_on_windows_or_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, *AVX2)
    monkeypatch.setattr(sys, "platform", "win32")
    assert simd.instruction_sets() == ()
    simd.instruction_sets.cache_clear()
    monkeypatch.undo()
    processor(monkeypatch, *AVX2)
    monkeypatch.setattr(simd, "find_spec", lambda _name: None)
    assert simd.instruction_sets() == ()
