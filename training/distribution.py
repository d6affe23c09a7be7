"""The processes of a training run: one alone, or as many as torchrun started, on one machine or several.

Devices, gradient exchange and mixed precision are Lightning Fabric's. What is here is how a run stays the same however
many processes share it: they agree on what they count, and each takes its share of an update's batches.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor

from model_store.errors import ConfigError
from training.config import TrainerConfig

Item = TypeVar("Item")


def is_distributed() -> bool:
    """Whether torchrun started this process, alone or with others."""
    return torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()


def open_fabric(config: TrainerConfig) -> Fabric:
    """Fabric on this machine's best device, joined with the other processes if torchrun started several.

    Raises ConfigError if an update's batches cannot be shared equally.
    """
    if not is_distributed():
        return Fabric(accelerator="auto", devices=1, precision=config.precision)
    world, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if config.batches_per_step % world:
        raise ConfigError(
            f"trainer.batches_per_step: {config.batches_per_step} cannot be shared among {world} processes; allowed: "
            f"multiples of {world}"
        )
    fabric = Fabric(
        accelerator="auto", strategy="ddp", devices=here, num_nodes=world // here, precision=config.precision
    )
    fabric.launch()
    return fabric


def end_together() -> None:
    """Wait for the other processes, and end this one at once, with success. Never returns.

    What joins the processes is not closed: to close it waits without end for the network that it averages, and an
    interpreter that ends in the usual order now and then takes its threads away under it and aborts.
    """
    torch.distributed.barrier()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def share(fabric: Fabric, items: Sequence[Item]) -> Sequence[Item]:
    """Those of the items that are this process's to do."""
    return items[fabric.global_rank :: fabric.world_size]


def total(fabric: Fabric, value: Tensor) -> Tensor:
    """The sum of `value`, of any shape, over all processes."""
    if fabric.world_size == 1:
        return value
    summed = fabric.all_reduce(value, reduce_op="sum")
    assert isinstance(summed, Tensor)
    return summed


def of_first(fabric: Fabric, value: float) -> float:
    """What the first process says `value` is. Clocks differ, and processes must end in the same step."""
    if fabric.world_size == 1:
        return value
    said = torch.tensor(value if fabric.is_global_zero else 0.0, dtype=torch.float64, device=fabric.device)
    return float(total(fabric, said))
