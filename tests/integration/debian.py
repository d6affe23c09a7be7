"""Programs of Debian's packages, which tests of the real thing need."""

from __future__ import annotations

import os
import shutil

import pytest


def binary(name: str, package: str) -> str:
    """The path of a program. Without it the test is skipped; in CI it fails."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed: apt-get install {package}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
