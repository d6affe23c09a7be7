"""What of a step on a GPU torch's kernels or one in Triton can compute, and at which sizes both are tried.

Triton is imported by a trial only: it is there with torch's builds for CUDA.

Legend: B slots, Q queries a slot (the beam), S source length, H hidden, R rows, P parts of a row, C columns of a part.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from model_store.decoding.backends.ways import Clock, Size, Trial, Way, Ways
from model_store.decoding.scoring import part_size, summaries_of
from model_store.network.attention import Attention, DotAttention

# Beyond the most slots and rows time grows with them; of more queries and tokens torch's kernels are sure to be used.
SLOTS, QUERIES, TOKENS = (1, 16, 128), (4, 16), (64, 256)
ROWS = (16, 64, 256, 2048)


class TriedAttention(Attention):
    """The attention that it is made of, in the way that is faster for as many slots, queries and tokens."""

    def __init__(self, attention: DotAttention, ways: Ways) -> None:
        super().__init__()
        self._attention = attention
        self._ways = ways

    def keys(self, values: Tensor) -> Tensor:
        return self._attention.keys(values)

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        slots, queries, _hidden = query.shape
        context, weights = self._ways.of(min(slots, SLOTS[-1]), queries, mask.shape[1])(query, keys, values, mask)
        return context, weights


def tried_attention(attention: Attention | None, clock: Clock, like: Tensor, hidden: int) -> Attention | None:
    """The same attention, tried in tensors like `like`; what is not made of dot products is left as it is."""
    if not isinstance(attention, DotAttention) or type(attention).scores is not DotAttention.scores:
        return attention

    def plain(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = attention(query, keys, values, mask, mask)  # no dot product asks for positions
        return found

    def kernel() -> Way:
        from model_store.decoding.backends.attention_kernel import attend

        return attend

    def inputs(size: Size) -> tuple[Tensor, ...]:
        slots, queries, tokens = size
        query, keys, values = (_random(like, slots, count, hidden) for count in (queries, tokens, tokens))
        missing = torch.arange(slots, device=like.device).unsqueeze(1) % 4
        # Scores of 2, give or take: neither are all weights the same, nor is one of them all.
        return query * (2 / hidden**0.5), keys, values, torch.arange(tokens, device=like.device) < tokens - missing

    sizes = [(slots, queries, tokens) for tokens, queries, slots in product(TOKENS, QUERIES, SLOTS)]
    return TriedAttention(attention, Trial("attention", plain, kernel, sizes, inputs).run(clock))


def tried_summaries(vocabulary: int, clock: Clock, like: Tensor) -> Ways:
    """As scoring.summaries_of, tried in tensors like `like`."""
    size = part_size(vocabulary)
    if size is None:
        return Ways(summaries_of)

    def kernel() -> Way:
        from model_store.decoding.backends import part_kernel

        return part_kernel.summaries_of

    def inputs(rows: Size) -> tuple[Tensor, ...]:
        return (_random(like, *rows, vocabulary // size, size),)

    return Trial("the best tokens", summaries_of, kernel, [(rows,) for rows in ROWS], inputs).run(clock)


def _random(like: Tensor, *shape: int) -> Tensor:
    """Normally distributed, the same each time."""
    generator = torch.Generator(like.device).manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
