"""The network on a CUDA device in half precision: steps that never ask the host anything, to be captured as graphs.

A row's last bits follow how many rows there are, since cuBLAS chooses its kernels by shape, and trials choose between
torch's and Triton's by size: alone and under load are equal to rounding only.

Legend: B sources, N slots, K beam width, S source length.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from model_store.decoding.backends.cuda_kernels import TriedProjection, tried_attention, tried_projection
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.backends.protocol import Encoding, Readout, Rows
from model_store.decoding.backends.ways import Clock, clock_on
from model_store.decoding.scoring import best_extensions, summaries_of
from model_store.network.padding import padded
from model_store.network.seq2seq import Seq2Seq
from model_store.transfers import sent

PAIRS_AT_ONCE, ROWS_AT_ONCE = 128, 8192  # that are read; of positions, padding included
LOGITS_AT_ONCE = 1024  # of how many positions they are there
TENSOR_CORE_UNITS = 64  # 128 bytes of float16: what a tile of a product on tensor cores is wide


class CudaGraphBackend(EagerBackend):
    """The eager backend with products of whatever shape there is, all of them on the device.

    The network is made wider, to a multiple of TENSOR_CORE_UNITS, with units that stay zero. source_capacity: tokens.
    dtype: of weights, states, readouts and logits. clock: by which kernels in Triton are tried against torch's, None
    for the device's own; without one, on a CPU or with more than 16 bits, all are torch's.
    """

    on_device = True

    def __init__(
        self,
        network: Seq2Seq,
        *,
        source_capacity: int,
        dtype: torch.dtype = torch.float16,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(padded(network, TENSOR_CORE_UNITS).to(dtype), source_capacity=source_capacity)
        if clock is None and dtype.itemsize == 2:
            clock = clock_on(self._like.device)
        self._projection: TriedProjection | None = None
        if clock is not None:
            decoder, like = self.network.decoder, self._like
            decoder.attention = tried_attention(decoder.attention, clock, like, self.network.config.hidden)
            self._projection = tried_projection(self.network.projection, clock)

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        """All sources at once, by cuDNN's layers, in one part: the device encodes behind the steps that it has to do,
        and the host does not wait for it."""
        yield from ()
        return self.network.encode(*self._rectangle(sources))

    def target_log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        """All positions of a layer at once, as a network is taught, of pairs of like length; the host does not wait."""
        costs = [max(len(source), len(target)) for source, target in zip(sources, targets, strict=True)]
        order = sorted(range(len(costs)), key=costs.__getitem__)
        found: list[Tensor] = []
        start = 0
        while start < len(order):
            part = order[start : start + PAIRS_AT_ONCE]
            fit = sum((place + 1) * costs[pair] <= ROWS_AT_ONCE for place, pair in enumerate(part))
            part = part[: max(fit, 1)]
            found.append(self._read([sources[pair] for pair in part], [targets[pair] for pair in part]))
            start += len(part)
        place = torch.tensor(order).argsort()
        return torch.cat(found).index_select(0, sent(place, self._like.device))

    def _read(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        """As target_log_probs, in one rectangle: what is no token is not projected."""
        told, lengths = self._rectangle([target[:-1] for target in targets])
        readouts = self.network(*self._rectangle(sources), told).flatten(0, 1)
        there = (torch.arange(told.shape[1]) < lengths.unsqueeze(1)).flatten().nonzero().squeeze(1)  # where tokens are
        index = sent(there, self._like.device)
        wanted = sent(torch.tensor([token for target in targets for token in target[1:]]), self._like.device)
        rows = readouts.index_select(0, index)
        parts = zip(*(torch.split(each, LOGITS_AT_ONCE) for each in (rows, wanted)), strict=True)
        each = torch.cat([F.cross_entropy(self._exact(rows), tokens, reduction="none") for rows, tokens in parts])
        total = each.new_zeros(len(readouts)).index_copy(0, index, each).view(told.shape).sum(dim=1)
        return -total.to(torch.float32)

    def _exact(self, readouts: Tensor) -> Tensor:
        """Logits in float32 or better."""
        logits: Tensor = self.network.projection(readouts)
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def _rectangle(self, sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Ids on the device, 0 past each end, shape = (B, longest), and lengths on the host, shape = (B,)."""
        lengths = torch.tensor([len(each) for each in sequences])
        ids = torch.zeros(len(sequences), int(lengths.max()), dtype=torch.int64)
        ids[torch.arange(ids.shape[1]) < lengths.unsqueeze(1)] = torch.tensor(
            [id_ for each in sequences for id_ in each]
        )
        return sent(ids, self._like.device), lengths

    def _step(self, block: Rows) -> Readout:
        embedded = self.network.target_embedding(block.tokens)
        return Readout(*self.network.decoder.step(embedded, block.memory, block.state, block.positions))

    def logits(self, readout: Tensor) -> Tensor:
        return self.network.projection(readout)  # type: ignore[no-any-return]

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        summaries = summaries_of if self._projection is None else self._projection.summaries
        return best_extensions(logits, log_prob, forbidden, count, summaries)

    def best_of_all(
        self, readout: Tensor, log_prob: Tensor, forbidden: Tensor, count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        if self._projection is None:
            return super().best_of_all(readout, log_prob, forbidden, count)
        logits, maxima, sums = self._projection(readout.flatten(0, 1), forbidden)
        logits = logits.view(*log_prob.shape, -1)
        return best_extensions(logits, log_prob, forbidden[:0], count, lambda _parts: (maxima, sums))
