"""How many cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

# Microseconds of processor time in so many of the clock: one file in version 2 of cgroups, two in version 1.
_SHARES = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Those that the process is bound to, or as many whole ones as its container's share of time is; at least 1. More
    threads than that stand in each other's way."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for names in _SHARES:
        try:
            quota, period = (int(part) for name in names for part in (cgroup / name).read_text().split())
        except (OSError, ValueError):  # not there, or "max"
            continue
        return max(1, min(bound, quota // period)) if quota > 0 else bound
    return bound
