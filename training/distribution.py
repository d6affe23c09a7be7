"""The processes of a training run: one alone, or as many as torchrun started, on one machine or several.

Devices, gradient exchange and mixed precision are Lightning Fabric's. What is here is how a run stays the same however
many processes share it: they agree on what they count, and each takes its share of an update's batches.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor

from training.config import Precision, TrainerConfig
from training.dataset import Ints

logger = logging.getLogger("verso.train")


def is_distributed() -> bool:
    """Whether torchrun started this process, alone or with others."""
    return torch.distributed.is_available() and torch.distributed.is_torchelastic_launched()


def is_first() -> bool:
    """Whether this process is alone, or the first of those that torchrun started, which alone writes."""
    return not is_distributed() or os.environ["RANK"] == "0"


def open_fabric(config: TrainerConfig) -> Fabric:
    """Fabric on this machine's best device, joined with the other processes if torchrun started several."""
    precision = precision_here(config.precision)
    if not is_distributed():
        return Fabric(accelerator="auto", devices=1, precision=precision)
    world, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(accelerator="auto", strategy="ddp", devices=here, num_nodes=world // here, precision=precision)
    fabric.launch()
    return fabric


def precision_here(asked: Precision) -> Precision:
    """float32 for bf16-mixed, with a line in the log, on a processor without bfloat16: no lstm runs in it there."""
    if asked != "bf16-mixed" or has_bfloat16():
        return asked
    if is_first():
        logger.warning("precision: 'bf16-mixed' is computed as '32-true' here, since this processor has no bfloat16")
    return "32-true"


def has_bfloat16() -> bool:
    """Whether the device that training takes has it: any GPU has, or imitates it well."""
    return torch.cuda.is_available() or torch.backends.mps.is_available() or processor_has_bfloat16()


def processor_has_bfloat16() -> bool:
    """Whether oneDNN, which computes torch's products of bfloat16 on a CPU, has kernels for this one."""
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


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


def share(fabric: Fabric, batches: Sequence[Ints]) -> list[Ints]:
    """This process's part of an update: as many of its batches as the others have, else a part of each, maybe empty.

    batches: indices of examples. Each process gets equally many.
    """
    rank, world = fabric.global_rank, fabric.world_size
    if len(batches) % world == 0:
        return list(batches[rank::world])
    return [batch[rank::world] for batch in batches]


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
