"""Functions compiled to machine code by Numba when they are first called, and kept for the next start.

Floating point is IEEE's, without contraction or reassociation, so that an element comes to the same bits whether the
compiler puts it into a vector or not; sums over all of a row, whose length is the same in every call, are in an order
of the compiler's.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite.binding import get_host_cpu_name

from model_store.decoding.backends.simd import instruction_sets
from model_store.user_cache import user_cache

logger = logging.getLogger("verso.decoding")

Function = TypeVar("Function", bound=Callable[..., Any])


def _cache_folder() -> Path | None:
    """Where machine code is kept: one folder for each version of all sources, since Numba asks for the calling one's,
    and for each kind of processor, since two at once might take each other's.

    None, with a line in the log, where nothing can be written.
    """
    sources = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        sources.update(source.read_bytes())
    sources.update(repr((get_host_cpu_name(), instruction_sets())).encode())
    folder = user_cache() / sources.hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        logger.warning("kernels are compiled at every start, since %s cannot be written: %s", folder, error)
        return None
    return folder


_config: Any = numba.config
if not _config.CACHE_DIR and (_folder := _cache_folder()) is not None:
    _config.CACHE_DIR = str(_folder)


def compiled(function: Function) -> Function:
    """Compile at the first call, and let other threads run meanwhile. Bounds are not checked."""
    return _compiled(function, set())


def compiled_sums(function: Function) -> Function:
    """As `compiled`; products are added without being rounded, and in any order, so by vectors."""
    return _compiled(function, {"reassoc", "contract"})


def _compiled(function: Function, fast: set[str]) -> Function:
    options: dict[str, Any] = {"nogil": True, "cache": bool(_config.CACHE_DIR), "error_model": "numpy"}
    return cast(Function, numba.njit(**options, fastmath=fast)(function))
