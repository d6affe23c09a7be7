"""Where what can be made again is kept: kernels that were compiled, and copies of remote bundles."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    """A folder of Verso's own, which need not be there yet: in XDG_CACHE_HOME, or in the .cache of the user's home."""
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111, which may raise
    return Path(caches) / "verso"
