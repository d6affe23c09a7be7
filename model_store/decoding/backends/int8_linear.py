"""A linear layer in 8-bit integers whose rows do not see each other, however many there are.

Weights are int8 with one scale an output row, as bundles store them. Each input row gets a scale of its own when it
comes (dynamic quantisation per row). Products are summed in int32, which is exact, so a row's result is a function of
the row alone: bit by bit the same among 1 or 512 rows, in any place, on any number of threads.

Legend: R rows, I inputs, O outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEVELS = 127  # of either sign
ZERO_POINT = 128  # input codes are unsigned, since VNNI multiplies unsigned by signed bytes
_TINY = torch.finfo(torch.float32).tiny


def quantise(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 codes of a float32 matrix, shape = (O, I), and a scale for each row, shape = (O,).

    row = scale * codes, rounding error at most scale / 2. A matrix that was quantised so before comes back exactly.
    """
    scale = matrix.abs().amax(dim=1).div_(LEVELS).clamp_(min=_TINY)
    return (matrix / scale.unsqueeze(1)).round_().clamp_(-LEVELS, LEVELS).to(torch.int8), scale


class Int8Linear:
    """y = x W^T + b. weight: float32, shape = (O, I). bias: shape = (O,). They are packed for the kernel once, here."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        codes, scale = quantise(weight.detach().float())
        self._scale = scale.contiguous()
        self._packed = torch.ops.onednn.qlinear_prepack(codes.contiguous(), None)
        self._zero_points = torch.zeros(len(scale), dtype=torch.int64)
        self._bias = None if bias is None else bias.detach().float().clone()

    def __call__(self, x: Tensor) -> Tensor:
        """x: float32, shape = (R, I). Returns float32, shape = (R, O)."""
        step = x.abs().amax(dim=1, keepdim=True).div_(LEVELS).clamp_(min=_TINY)  # (R, 1)
        codes = (x / step).round_().add_(ZERO_POINT).to(torch.uint8)
        of_input = (codes, 1.0, ZERO_POINT)
        of_weight = (self._packed, self._scale, self._zero_points)
        # float32 out, no bias, nothing fused behind
        y: Tensor = torch.ops.onednn.qlinear_pointwise(
            *of_input, *of_weight, None, 1.0, 0, torch.float32, "none", [], ""
        )
        # In two steps, since a fused multiply-add rounds once in some kernels and twice in others.
        y.mul_(step)
        return y if self._bias is None else y.add_(self._bias)


def is_exact() -> bool:
    """Whether this machine's kernel is there and sums without saturating, found out with the largest products."""
    try:
        weight = torch.full((32, 512), 1.0)
        found = Int8Linear(weight)(torch.full((3, 512), 1.0))
        alternating = torch.tensor([1.0, -1.0]).repeat(256)
        zero = Int8Linear(weight)(alternating.expand(3, -1))
    except (AttributeError, NotImplementedError, RuntimeError):
        return False
    return bool((found - 512).abs().max() < 1e-2) and bool((zero == 0).all())
