"""Ray is imported once for all tests: it warns then, of itself, and pytest makes errors of warnings."""

from __future__ import annotations

import contextlib
import os
import warnings

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

with warnings.catch_warnings(), contextlib.suppress(ModuleNotFoundError):
    warnings.simplefilter("ignore")
    import ray.data
    import ray.serve  # noqa: F401
