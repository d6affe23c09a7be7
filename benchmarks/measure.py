"""Clocks and summaries: how long a call takes, medians with their range, percentiles, where and on what it ran."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch


def seconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def fastest_s(work: Callable[[], object], *, enough_s: float = 0.3) -> float:
    """The shortest of as many calls as `enough_s` holds, five at least: what the machine can do when left alone."""
    work()
    measured: list[float] = []
    while len(measured) < 5 or sum(measured) < enough_s:
        measured.append(seconds(work))
    return min(measured)


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median of several rounds, and their range."""
    return {"median": rounded(statistics.median(values)), "min": rounded(min(values)), "max": rounded(max(values))}


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99; none that would be the largest value."""
    told = [p for p in (50, 95, 99) if _rank(values, p) < len(values)]
    return {f"p{p}": rounded(percentile(values, p)) for p in told}


def percentile(values: Sequence[float], p: int) -> float:
    """By nearest rank."""
    return sorted(values)[_rank(values, p) - 1]


def _rank(values: Sequence[float], p: int) -> int:
    """Of the percentile among the values, from 1: the first with at least p % of them up to it."""
    return max(1, -(-len(values) * p // 100))


def rounded(value: float) -> float:
    """To four digits that mean something."""
    return float(f"{value:.4g}")


def machine(device: torch.device | None = None) -> dict[str, str | int]:
    """What every result names beside its figures. device: that the network ran on."""
    gpu = {"gpu": torch.cuda.get_device_name(device)} if device is not None and device.type == "cuda" else {}
    return {
        **gpu,
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
