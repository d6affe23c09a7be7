"""How much memory the GPUs have that this process computes on."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class GpuMemory:
    """Of one GPU, in bytes. allocated: for tensors; reserved: by this process; used: by anyone; total: all there is."""

    device: str
    allocated: int
    reserved: int
    used: int
    total: int


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
