"""Kernels for processors with AVX-512 VNNI, compiled on the machine: tiles of products, and what is around them."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from model_store.decoding.backends.threads import Threads

if TYPE_CHECKING:
    from model_store.decoding.backends.int8_kernels import Kernels

UNITS = 16  # of an lstm layer in a panel, each with its four gates; the last panel is filled up
KEPT_TOKENS = (
    4096  # whose products with the first layer's weights are kept (first_layer.py), of encoder and decoder each
)


def kept_bytes(vocabulary: int, hidden: int) -> int:
    """What these products come to at most, of a network with a vocabulary of that size and so many units a layer."""
    float_bytes, gates, panels = 4, 4, -(-hidden // UNITS)
    return 2 * min(vocabulary, KEPT_TOKENS) * panels * UNITS * gates * float_bytes


@cache
def available() -> bool:
    """Whether this processor has what the kernels are made of, and Numba is there to make them."""
    try:
        if find_spec("numba") is None:  # to import it takes a while, in a process that may not need it
            return False
        from llvmlite.binding import get_host_cpu_features
    except ImportError:
        return False
    features = get_host_cpu_features()
    return sys.platform != "win32" and all(features.get(name, False) for name in ("avx512f", "avx512bw", "avx512vnni"))


def open_kernels(threads: Threads | None = None) -> Kernels:
    """threads: that share a call's work; as many as torch has unless said. Only where they are available."""
    import torch  # whoever only wants to know what is available has not imported it yet

    from model_store.decoding.backends.vnni.layers import VnniKernels  # Numba comes with it
    from model_store.decoding.backends.vnni.team import Team

    threads = threads or Threads(torch.get_num_threads())
    return VnniKernels(Team(threads.most, threads.allowed))
