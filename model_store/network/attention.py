"""The lecture's versions 1 to 4 of attention, and its learned forms: score, mask, context.

All read `values` (encoder outputs) with weights that differ only in how they are found. Queries come as (B, Q, H),
where Q is the target length in training and the beam in decoding, so both run the same code.

Legend: B batch, Q queries a source, S source length, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from model_store.config import Attention as AttentionName
from model_store.config import NetworkConfig


class Attention(nn.Module):
    """Weights over source positions and the mixture of encoder outputs they give."""

    def keys(self, values: Tensor) -> Tensor:
        """What the scores read of the source, computed once a source: shape = (B, S, H) like `values`."""
        return values

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        """Shape = (B, Q, S), 0 where masked.

        query: shape = (B, Q, H). keys: shape = (B, S, H). mask: bool, shape = (B, S). positions: int64, shape = (B, Q).
        """
        raise NotImplementedError

    def forward(
        self, query: Tensor, keys: Tensor, values: Tensor, mask: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the context, shape = (B, Q, H), and the weights, shape = (B, Q, S).

        mask: True where there is a source token; each row has at least one. positions: index of the target token.
        """
        weights = self.weights(query, keys, mask, positions)
        return torch.bmm(weights.to(values.dtype), values), weights


class MeanAttention(Attention):
    """Version 1: every output uses the same mixture of all encoder outputs, their mean."""

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        uniform = mask.to(query.dtype) / mask.sum(dim=1, keepdim=True)
        return uniform.unsqueeze(1).expand(-1, query.shape[1], -1)


class PositionalAttention(Attention):
    """Version 2: a learned weight alpha[i, t] per pair of positions; fixed length, blind to the data."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.full((positions, positions), 1.0 / positions))

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        return self.table[positions, : keys.shape[1]] * mask.unsqueeze(1)


class UnnormalisedDotAttention(Attention):
    """Version 3: weights are dot products, not normalised, so the context can grow without bound."""

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2)) * mask.unsqueeze(1)


class DotAttention(Attention):
    """Version 4: a softmax over dot products (Luong et al. 2015, eq. 8, dot)."""

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        """Shape = (B, Q, S)."""
        return torch.bmm(query, keys.transpose(1, 2))

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        scores = self.scores(query, keys).masked_fill(~mask.unsqueeze(1), float("-inf"))
        return torch.softmax(scores, dim=-1)


class GeneralAttention(DotAttention):
    """Version 4 with a learned bilinear form h W s (Luong et al. 2015, eq. 8, general); W meets the source once."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(hidden, hidden, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.project(values)  # type: ignore[no-any-return]


class AdditiveAttention(DotAttention):
    """Version 4 with v tanh(W h + U s) (Bahdanau et al. 2015, A.1.2)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.source = nn.Linear(hidden, hidden)
        self.target = nn.Linear(hidden, hidden, bias=False)
        self.energy = nn.Linear(hidden, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.source(values)  # type: ignore[no-any-return]

    def scores(self, query: Tensor, keys: Tensor) -> Tensor:
        pairs = torch.tanh(self.target(query).unsqueeze(2) + keys.unsqueeze(1))  # (B, Q, S, H)
        return self.energy(pairs).squeeze(-1)  # type: ignore[no-any-return]


_BUILDERS: dict[AttentionName, Callable[[NetworkConfig], Attention | None]] = {
    "none": lambda config: None,
    "mean": lambda config: MeanAttention(),
    "positional": lambda config: PositionalAttention(config.positions),
    "dot_unnormalised": lambda config: UnnormalisedDotAttention(),
    "dot": lambda config: DotAttention(),
    "general": lambda config: GeneralAttention(config.hidden),
    "additive": lambda config: AdditiveAttention(config.hidden),
}


def build_attention(config: NetworkConfig) -> Attention | None:
    """The attention that `config` names; None for the plain encoder-decoder of Sutskever et al. 2014."""
    return _BUILDERS[config.attention](config)
