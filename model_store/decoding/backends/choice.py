"""Which backend a network runs on: chosen by name, or by device and by what the machine and the network allow."""

from __future__ import annotations

import logging
from typing import Literal, TypeAlias

import torch

from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.int8 import Int8Backend, best_kernels, unsupported
from model_store.decoding.backends.protocol import Backend
from model_store.decoding.backends.threads import Threads
from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq

logger = logging.getLogger("verso.decoding")

BackendName: TypeAlias = Literal["auto", "eager", "int8", "cuda_graph"]
Precision: TypeAlias = Literal["float16", "bfloat16"]

_DTYPES: dict[Precision, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def check_device(name: BackendName, device: str) -> None:
    """Raises ConfigError for a backend that no network runs on with a device of that type."""
    for only, runs_on, others in (("int8", "cpu", "'cuda_graph'"), ("cuda_graph", "cuda", "'int8'")):
        if name == only and device != runs_on:
            raise ConfigError(
                f"backend: {name!r} does not run with device {device!r}; allowed: 'auto', 'eager', {others}"
            )


def open_backend(
    network: Seq2Seq,
    name: BackendName,
    *,
    source_capacity: int,
    precision: Precision = "float16",
    threads: Threads | None = None,
) -> Backend:
    """ "auto" is cuda_graph on a GPU, and on a CPU int8 where it can run, else eager with a line in the log.
    precision: of cuda_graph, which makes the network's device that of this thread, in which it has to be used.
    threads: of int8; as many as torch has unless given.

    Raises:
        ConfigError: one was asked for that the network, its device or the machine does not do.
    """
    device = network.projection.weight.device.type
    check_device(name, device)
    reason = f"device {device!r}" if device != "cpu" else unsupported(network.config)
    if name == "int8" and reason:
        raise ConfigError(f"backend: 'int8' does not run with {reason}; allowed: 'auto', 'eager'")
    if name == "auto" and reason and device == "cpu":
        logger.warning("decoding in float32, which is slower, since 8-bit integers do not run with %s", reason)
    if name in ("auto", "cuda_graph") and device == "cuda":
        # Streams, events, graphs and Triton are those of the thread's own device, unless another is named.
        torch.cuda.set_device(network.projection.weight.device)
        try:
            return CudaGraphBackend(network, source_capacity=source_capacity, dtype=_DTYPES[precision])
        except Exception as error:
            # float32 would want more memory still.
            if name == "cuda_graph" or isinstance(error, torch.OutOfMemoryError):
                raise
            logger.warning("decoding in float32, which is slower, since the GPU's backend cannot be opened: %r", error)
    if name == "eager" or reason:
        return EagerBackend(network, source_capacity=source_capacity)
    return Int8Backend(network, source_capacity=source_capacity, kernels=best_kernels(threads))
