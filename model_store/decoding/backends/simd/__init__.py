"""Kernels compiled on the machine for its vector instructions: tiles of products of 8 bits, and what is around them."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, TypeAlias

from model_store.decoding.backends.threads import Threads

if TYPE_CHECKING:
    from model_store.decoding.backends.int8_kernels import Kernels

UNITS = 16  # of an lstm layer in a panel, each with its four gates; the last panel is filled up
KEPT_TOKENS = (
    4096  # whose products with the first layer's weights are kept (first_layer.py), of encoder and decoder each
)
InstructionSet: TypeAlias = Literal["avx512_vnni", "avx2"]
_NEEDS: dict[InstructionSet, tuple[str, ...]] = {  # the faster first
    "avx512_vnni": ("avx512f", "avx512bw", "avx512vnni"),
    "avx2": ("avx2", "fma"),
}
# Numba compiles without AVX for processors that call themselves so, as virtual machines do, and for what it is told by
# these variables; LLVM would end the process over an instruction that it must not use.
_WITHOUT_AVX = ("nocona", "corei7-avx", "core-avx-i", "sandybridge", "ivybridge")
_OVERRIDES = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX")


def kept_bytes(vocabulary: int, hidden: int) -> int:
    """What these products come to at most, of a network with a vocabulary of that size and so many units a layer."""
    float_bytes, gates, panels = 4, 4, -(-hidden // UNITS)
    return 2 * min(vocabulary, KEPT_TOKENS) * panels * UNITS * gates * float_bytes


@cache
def instruction_sets() -> tuple[InstructionSet, ...]:
    """What kernels can be made of on this processor, the fastest first; none if Numba is not there to make them."""
    try:
        # To import it takes a while, in a process that may not need it.
        if sys.platform == "win32" or find_spec("numba") is None:
            return ()
        from llvmlite.binding import get_host_cpu_features, get_host_cpu_name
    except ImportError:
        return ()
    if get_host_cpu_name() in _WITHOUT_AVX or any(name in os.environ for name in _OVERRIDES):
        return ()
    features = get_host_cpu_features()
    return tuple(name for name, needs in _NEEDS.items() if all(features.get(each, False) for each in needs))


def available() -> bool:
    """Whether the kernels can be made here."""
    return bool(instruction_sets())


def open_kernels(threads: Threads | None = None) -> Kernels:
    """threads: that share a call's work; as many as torch has unless said. Only where they are available."""
    import torch  # whoever only wants to know what is available has not imported it yet

    from model_store.decoding.backends.simd.layers import SimdKernels  # Numba comes with it
    from model_store.decoding.backends.simd.team import Team

    threads = threads or Threads(torch.get_num_threads())
    return SimdKernels(Team(threads.most, threads.allowed))
