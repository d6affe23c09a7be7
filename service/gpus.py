"""Which device models run on, and how much memory the GPUs have that this process computes on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from model_store.errors import ConfigError

_ROWS = {"cpu": 128, "cuda": 2048}


@dataclass(frozen=True)
class GpuMemory:
    """Of one GPU, in bytes. allocated: for tensors; reserved: by this process; used: by anyone; total: all there is."""

    device: str
    allocated: int
    reserved: int
    used: int
    total: int


def choose_device(name: str) -> torch.device:
    """ "auto" is the first GPU, or the CPU where there is none. Raises ConfigError for a GPU that is not there."""
    count = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda", 0) if count else torch.device("cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= count:
        there = ", ".join(["'auto'", "'cpu'", *(f"'cuda:{index}'" for index in range(count))])
        raise ConfigError(f"device: {name!r} is not there, or torch cannot use it; allowed: {there}")
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def rows_on(device: torch.device) -> int:
    """How many hypotheses a decoder holds unless the operator says. What fills a CPU leaves a GPU idle."""
    return _ROWS[device.type]


def gpu_memory() -> tuple[GpuMemory, ...]:
    """Of each GPU that this process has reserved memory on; of others it is not asked, since asking takes some."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        reserved = torch.cuda.memory_reserved(index)
        if reserved:
            free, total = torch.cuda.mem_get_info(index)
            allocated = torch.cuda.memory_allocated(index)
            found.append(GpuMemory(f"cuda:{index}", allocated, reserved, total - free, total))
    return tuple(found)
