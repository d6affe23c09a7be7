"""What of a step on a GPU torch's kernels or one in Triton can compute, and at which sizes both are tried.

Triton is imported by a trial only: it is there with torch's builds for CUDA.

Legend: B slots, Q queries a slot (the beam), S source length, H hidden, R rows, W readout width, V vocabulary, P parts
of a row of logits, C columns of a part.
"""

from __future__ import annotations

from functools import partial
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        way = self._ways.of(min(slots, SLOTS[-1]), queries, mask.shape[1])
        context, weights = way(query.contiguous(), keys, values, mask)  # those of all positions at once may not be
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


class TriedProjection:
    """A projection to V tokens and what is looked for in its logits: as scoring.summaries_of, in parts of C columns."""

    def __init__(self, projection: nn.Linear, columns: int, clock: Clock) -> None:
        self._weight, self._bias = projection.weight, projection.bias
        self._columns = columns
        self._forbidden: Tensor | None = None
        self._bias_without: Tensor = self._bias
        self._summaries = Trial(
            "the best tokens", summaries_of, _part_kernel, [(rows,) for rows in ROWS], self._parts
        ).run(clock)
        self._both = Trial("the projection", self._plain, self._kernel, [(rows,) for rows in ROWS], self._readouts).run(
            clock
        )

    def summaries(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        """As scoring.summaries_of."""
        maxima, sums = self._summaries.of(min(len(parts), ROWS[-1]))(parts)
        return maxima, sums

    def __call__(self, readout: Tensor, forbidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of readouts of shape (R, W), shape = (R, V), -inf where forbidden, and their summaries."""
        if forbidden is not self._forbidden:  # it is the same from step to step
            self._forbidden = forbidden
            self._bias_without = self._bias.index_fill(0, forbidden, float("-inf"))
        way = self._both.of(min(len(readout), ROWS[-1]))
        logits, maxima, sums = way(readout, self._weight, self._bias_without)
        return logits, maxima, sums

    def _plain(self, readout: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        logits = F.linear(readout, weight, bias)
        return logits, *self.summaries(logits.view(len(logits), -1, self._columns))

    def _kernel(self) -> Way:
        from model_store.decoding.backends.projection_kernel import project

        return partial(project, columns=self._columns)

    def _parts(self, rows: Size) -> tuple[Tensor, ...]:
        return (_random(self._weight, *rows, len(self._weight) // self._columns, self._columns),)

    def _readouts(self, rows: Size) -> tuple[Tensor, ...]:
        return _random(self._weight, *rows, self._weight.shape[1]).tanh(), self._weight, self._bias


def tried_projection(projection: nn.Linear, clock: Clock) -> TriedProjection | None:
    """None for a vocabulary that has no parts."""
    columns = part_size(projection.out_features)
    return None if columns is None else TriedProjection(projection, columns, clock)


def _part_kernel() -> Way:
    from model_store.decoding.backends import part_kernel

    return part_kernel.summaries_of


def _random(like: Tensor, *shape: int) -> Tensor:
    """Normally distributed, the same each time."""
    generator = torch.Generator(like.device).manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)
