"""Kernels for processors with AVX-512 VNNI, compiled on the machine: tiles of products, and what is around them."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from model_store.decoding.backends.int8_kernels import Kernels


@cache
def available() -> bool:
    """Whether this processor has what the kernels are made of, and Numba is there to make them."""
    try:
        import numba  # noqa: F401
        from llvmlite.binding import get_host_cpu_features
    except ImportError:
        return False
    features = get_host_cpu_features()
    return sys.platform != "win32" and all(features.get(name, False) for name in ("avx512f", "avx512bw", "avx512vnni"))


def open_kernels(threads: int | None = None) -> Kernels:
    """threads: how many share a call's work; torch's number unless said. Only where they are available."""
    from model_store.decoding.backends.vnni.layers import VnniKernels  # Numba comes with it

    return VnniKernels(threads or torch.get_num_threads())
