"""What the libraries beneath torch are told through the environment, unless the operator has; before its import."""

from __future__ import annotations

import os

DEFAULTS = {
    # Idle threads of OpenMP spin by default, and when another process wants the cores a spinning thread keeps away the
    # one it waits for: a slowdown of about twenty times was seen. Not to spin at all costs a quarter on a machine that
    # has nothing else to do; GNU's OpenMP, which torch brings, can be told to spin a little. docs/performance.md.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
    # oneDNN keeps the code that it makes for each shape, half a megabyte a piece, and every number of rows in a step is
    # a shape: with its own limit of 1024, memory grows by half a gigabyte and more. Few are in use at a time.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}


def set_defaults() -> None:
    """Set what is not set."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
