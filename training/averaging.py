"""Averages of weights: the exponential moving one of a run, which is validated and exported, and that of networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...] | list[Tensor]


def moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """For AveragedModel. It follows closely at first: decay grows with the count as (1 + n) / (10 + n)."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        n = int(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update


def mean_of(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of state dicts of networks of one shape, in float32."""
    return {name: torch.stack([each[name].float() for each in members]).mean(dim=0) for name in members[0]}
