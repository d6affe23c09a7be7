"""Gives memory that was freed back to the system."""

from __future__ import annotations

import contextlib
import ctypes


def give_back_freed_memory() -> None:
    """What lies free in pieces between what is kept, and would stay with the process. Does nothing where the C library
    cannot (not glibc). Takes tens of milliseconds."""
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
