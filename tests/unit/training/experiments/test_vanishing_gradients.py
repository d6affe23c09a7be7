"""The gradient on its way back: against the product of Jacobians that the lecture writes, and what each cell keeps."""

from __future__ import annotations

import pytest
import torch

from training.experiments.vanishing_gradients import VARIANTS, Variant, gradient_norms, measure


def test_is_the_product_of_jacobians() -> None:
    """For a plain rnn: dL/dh_(t-1) = W^T diag(1 - h_t^2) dL/dh_t (Pascanu et al. 2013, eq. 5), written out."""
    steps, batch, hidden = 7, 3, 5
    inputs = torch.randn(steps, batch, hidden, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    layer = Variant("rnn", "rnn", recurrent_gain=1.2).layer(hidden).double()
    w_ih, w_hh, bias_ih, bias_hh = layer.kernel.all_weights[0]
    with torch.no_grad():
        h = torch.zeros(batch, hidden, dtype=torch.float64)
        outputs = []
        for x in inputs:
            h = torch.tanh(x @ w_ih.t() + bias_ih + h @ w_hh.t() + bias_hh)
            outputs.append(h)
        gradient = torch.randn(batch, hidden, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        norms = [gradient.norm()]
        for h in reversed(outputs[1:]):
            gradient = ((1 - h**2) * gradient) @ w_hh
            norms.append(gradient.norm())
    expected = [float(norm / norms[0]) for norm in norms]
    assert gradient_norms(layer, inputs) == pytest.approx(expected, rel=1e-12)


def test_plain_recurrence_forgets_or_explodes_and_an_open_forget_gate_remembers() -> None:
    figure = measure()
    left = {series.name: series.y[-1] for series in figure.series}
    assert left.keys() == {variant.name for variant in VARIANTS}
    assert left["rnn"] < 1e-20
    assert left["rnn, orthogonal matrix x 1.5"] > 100
    assert left["gru"] < left["lstm"]
    assert left["lstm, forget gate bias 0"] < 1e-15 < 1e-9 < left["lstm"]
    assert 0.1 < left["lstm, forget gate bias 3"] < 10
