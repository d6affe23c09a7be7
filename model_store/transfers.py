"""Tensors between host and device, neither of which waits for the other."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on `device`. From memory that is not pinned it would wait for all that the device does."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class Fetched:
    """Tensors on their way to the host. They are as the device has them when all that it was told before is done."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._event: torch.cuda.Event | None = None
        self._tensors = {name: _on_host(tensor) for name, tensor in tensors.items()}
        if any(tensor.is_cuda for tensor in tensors.values()):
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def wait(self) -> Mapping[str, Tensor]:
        """The tensors, once they are here."""
        if self._event is not None:
            self._event.synchronize()
        return self._tensors


def _on_host(tensor: Tensor) -> Tensor:
    if not tensor.is_cuda:
        return tensor.clone()
    there = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return there.copy_(tensor, non_blocking=True)
