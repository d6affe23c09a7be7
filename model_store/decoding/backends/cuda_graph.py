"""The network on a CUDA device in half precision: steps that never ask the host anything, to be captured as graphs.

A row's last bits follow how many rows there are, since cuBLAS chooses its kernels by shape: alone and under load are
equal to rounding only.

Legend: B sources, N slots, K beam width, S source length.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Encoding, Readout
from model_store.decoding.scoring import Summaries, best_extensions, summaries_of
from model_store.decoding.transfers import sent
from model_store.network.memory import DecoderState, Memory
from model_store.network.padding import padded
from model_store.network.seq2seq import Seq2Seq

logger = logging.getLogger("verso.decoding")

TENSOR_CORE_UNITS = 64  # 128 bytes of float16: what a tile of a product on tensor cores is wide


class CudaGraphBackend(EagerBackend):
    """The eager backend with products of whatever shape there is, all of them on the device.

    The network is made wider, to a multiple of TENSOR_CORE_UNITS, with units that stay zero. source_capacity: tokens.
    dtype: of weights, states, readouts and logits.
    """

    on_device = True

    def __init__(self, network: Seq2Seq, *, source_capacity: int, dtype: torch.dtype = torch.float16) -> None:
        super().__init__(padded(network, TENSOR_CORE_UNITS).to(dtype), source_capacity=source_capacity)
        self._summaries = _fastest_summaries(self._like.device)

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        """All sources at once, by cuDNN's layers, in one part: the device encodes behind the steps that it has to do,
        and the host does not wait for it."""
        yield from ()
        lengths = torch.tensor([len(source) for source in sources])
        ids = torch.zeros(len(sources), int(lengths.max()), dtype=torch.int64)
        ids[torch.arange(ids.shape[1]) < lengths.unsqueeze(1)] = torch.tensor([id_ for each in sources for id_ in each])
        return self.network.encode(sent(ids, self._like.device), lengths)

    def _step(self, tokens: Tensor, memory: Memory, state: DecoderState, positions: Tensor) -> Readout:
        return Readout(*self.network.decoder.step(self.network.target_embedding(tokens), memory, state, positions))

    def logits(self, readout: Tensor) -> Tensor:
        return self.network.projection(readout)  # type: ignore[no-any-return]

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        return best_extensions(logits, log_prob, forbidden, count, self._summaries)


def _fastest_summaries(device: torch.device) -> Summaries:
    """The kernel in Triton where there is CUDA, and Triton can make it: for that it also needs a compiler of C."""
    if device.type != "cuda":
        return summaries_of
    try:
        from model_store.decoding.backends import part_kernel

        return part_kernel.tried(device)
    except Exception as error:
        logger.warning(
            "the best tokens are found by torch's kernels, which is slower, since Triton's does not run here: %s", error
        )
        return summaries_of
