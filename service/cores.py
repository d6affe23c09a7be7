"""How many cores this process may use, and beside how many memories they are."""

from __future__ import annotations

import os
from pathlib import Path

# Microseconds of processor time in so many of the clock: one file in version 2 of cgroups, two in version 1.
_SHARES = (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"))


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Those that the process is bound to, or as many whole ones as its container's share of time is; at least 1. More
    threads than that stand in each other's way."""
    bound = len(_bound_to())
    for names in _SHARES:
        try:
            quota, period = (int(part) for name in names for part in (cgroup / name).read_text().split())
        except (OSError, ValueError):  # not there, or "max"
            continue
        return max(1, min(bound, quota // period)) if quota > 0 else bound
    return bound


def numa_nodes(nodes: Path = Path("/sys/devices/system/node")) -> int:
    """How many nodes have cores that the process is bound to: memory of one is far from the cores of the others. At
    least 1."""
    bound = _bound_to()
    return max(sum(not bound.isdisjoint(_cores_of(each)) for each in nodes.glob("node*/cpulist")), 1)


def _bound_to() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _cores_of(cpulist: Path) -> set[int]:
    """Such as "0-3,8-11"; there are nodes without any."""
    cores: set[int] = set()
    for part in cpulist.read_text().strip().split(","):
        first, _dash, last = part.partition("-")
        if first:
            cores |= set(range(int(first), int(last or first) + 1))
    return cores
