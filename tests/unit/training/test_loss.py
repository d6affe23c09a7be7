"""The chunked loss against torch's own, which holds all logits at once: value and every gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.loss import CHUNK_ROWS, smoothed_cross_entropy

R, V = 6, 11


def inputs(rows: int, *, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Readouts (N, R), weight (V, R), bias (V,), targets (N,)."""
    generator = torch.Generator().manual_seed(seed)
    readouts, weight, bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((rows, R), (V, R), (V,))
    )
    return readouts, weight, bias, torch.randint(V, (rows,), generator=generator)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("rows", [1, 7, CHUNK_ROWS, CHUNK_ROWS + 1, 2 * CHUNK_ROWS + 3])
def test_is_torchs_cross_entropy(rows: int, smoothing: float) -> None:
    readouts, weight, bias, targets = inputs(rows)
    parameters = (readouts, weight, bias)
    expected = F.cross_entropy(F.linear(readouts, weight, bias), targets, reduction="sum", label_smoothing=smoothing)
    loss, plain = smoothed_cross_entropy(readouts, weight, bias, targets, smoothing=smoothing)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        plain, F.cross_entropy(F.linear(readouts, weight, bias), targets, reduction="sum"), rtol=1e-12, atol=0
    )
    # Scaled, as the trainer does when it divides by the tokens.
    gradients = torch.autograd.grad(loss / 3, parameters)
    for gradient, wanted in zip(gradients, torch.autograd.grad(expected / 3, parameters), strict=True):
        torch.testing.assert_close(gradient, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_against_finite_differences(smoothing: float) -> None:
    readouts, weight, bias, targets = inputs(4)

    def loss(readouts: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return smoothed_cross_entropy(readouts, weight, bias, targets, smoothing=smoothing)[0]

    assert torch.autograd.gradcheck(loss, (readouts, weight, bias))


def test_the_plain_loss_has_no_gradient() -> None:
    loss, plain = smoothed_cross_entropy(*inputs(3), smoothing=0.1)
    assert loss.requires_grad
    assert not plain.requires_grad


def test_gradients_add_up_with_those_of_an_embedding_that_shares_the_matrix() -> None:
    readouts, weight, bias, targets = inputs(5)
    embedded = F.embedding(targets, weight)
    loss, _plain = smoothed_cross_entropy(embedded * readouts.detach(), weight, bias, targets, smoothing=0.1)
    logits = F.linear(F.embedding(targets, weight) * readouts.detach(), weight, bias)
    expected = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(torch.autograd.grad(loss, weight), torch.autograd.grad(expected, weight))


def test_large_logits_stay_finite() -> None:
    readouts, weight, bias, targets = inputs(5)
    loss, _plain = smoothed_cross_entropy(readouts * 1e4, weight, bias, targets, smoothing=0.1)
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss, (readouts, weight, bias)))


def test_products_in_half_width_keep_sums_and_softmax_in_full() -> None:
    readouts, weight, bias, targets = (each.detach() for each in inputs(CHUNK_ROWS * 2))
    narrow = readouts.bfloat16().requires_grad_()
    wide = (weight.float().requires_grad_(), bias.float().requires_grad_())
    loss, _plain = smoothed_cross_entropy(narrow, *wide, targets, smoothing=0.1)
    gradients = torch.autograd.grad(loss, (narrow, *wide))
    assert loss.dtype is torch.float32
    assert [each.dtype for each in gradients] == [torch.bfloat16, torch.float32, torch.float32]
    expected = F.cross_entropy(F.linear(readouts, weight, bias), targets, reduction="sum", label_smoothing=0.1)
    torch.testing.assert_close(loss.double(), expected, rtol=1e-2, atol=0)
