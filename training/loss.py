"""Label-smoothed cross entropy from readouts, without ever holding the logits of a whole batch.

Legend: N target tokens, R readout width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_ROWS = 512


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Gradients are formed chunk by chunk in the forward pass, while a chunk's logits are at hand, then only scaled."""

    @staticmethod
    def forward(
        ctx: Any, readouts: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        vocabulary = weight.shape[0]
        matrix = weight.to(readouts.dtype)
        grad_readouts = torch.empty_like(readouts)
        grad_weight = torch.zeros_like(weight)
        grad_bias = torch.zeros_like(bias)
        loss = readouts.new_zeros((), dtype=bias.dtype)
        negative_log_likelihood = loss.clone()
        for rows, labels, grad in zip(
            *(torch.split(tensor, CHUNK_ROWS) for tensor in (readouts, targets, grad_readouts)), strict=True
        ):
            logits = (rows @ matrix.t()).to(bias.dtype).add_(bias)
            log_probs = logits.log_softmax(dim=1)
            nll = -log_probs.gather(1, labels.unsqueeze(1)).sum()
            negative_log_likelihood += nll
            loss += (1 - smoothing) * nll - smoothing * log_probs.mean(dim=1).sum()
            error = log_probs.exp_().sub_(smoothing / vocabulary)
            error.scatter_add_(1, labels.unsqueeze(1), error.new_full((len(labels), 1), smoothing - 1))
            grad_bias += error.sum(dim=0)
            narrow = error.to(readouts.dtype)
            torch.mm(narrow, matrix, out=grad)
            grad_weight += narrow.t() @ rows
        ctx.save_for_backward(grad_readouts, grad_weight, grad_bias)
        ctx.mark_non_differentiable(negative_log_likelihood)
        return loss, negative_log_likelihood

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor, _grad_nll: Tensor) -> tuple[Tensor | None, ...]:
        grad_readouts, grad_weight, grad_bias = ctx.saved_tensors
        scale = grad_loss.to(grad_readouts.dtype)
        return grad_readouts * scale, grad_weight * grad_loss, grad_bias * grad_loss, None, None


def smoothed_cross_entropy(
    readouts: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, *, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Sum over tokens of the label-smoothed cross entropy (Szegedy et al. 2016), and of the plain one, in nats.

    readouts: shape = (N, R); products run in its dtype, the softmax in that of `bias`. weight: shape = (V, R). bias:
    shape = (V,). targets: int64, shape = (N,). Only the first returned value has a gradient.
    """
    loss, plain = _ChunkedCrossEntropy.apply(readouts, weight, bias, targets, smoothing)  # type: ignore[no-untyped-call]
    return loss, plain
