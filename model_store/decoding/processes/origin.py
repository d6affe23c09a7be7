"""The process that all processes that decode come from: it has what they need in memory once, and has one thread."""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext

# That module, by its name: this one is imported before torch is, and what decodes knows no bundles.
_IMPORTED_BEFORE = ["model_store.preloaded"]


def process_context() -> ForkServerContext:
    """What starts processes that decode."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED_BEFORE)
    return context


def start_early() -> None:
    """Start it now, so that it imports beside whoever will need it, who imports the same."""
    process_context()
    forkserver.ensure_running()
