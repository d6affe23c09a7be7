"""Rows 1 to 4 of the lecture: how much of a gradient is left t steps back, for rnn, gru and lstm.

Back-propagation through time multiplies the gradient by one Jacobian a step. For a plain rnn each is diag(tanh') W, so
their product vanishes or explodes with the size of W (Bengio et al. 1994; Pascanu et al. 2013, arXiv 1211.5063). An
lstm's cell state is multiplied by its forget gate alone, which its bias holds open (Hochreiter and Schmidhuber 1997;
Gers et al. 2000; Jozefowicz et al. 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from model_store.config import Cell
from model_store.network.cells import STATE_TENSORS, RecurrentLayer
from training.experiments.series import Figure, Series

STEPS = 100
HIDDEN = 64
BATCH = 16


@dataclass(frozen=True)
class Variant:
    """A layer at the start of training.

    recurrent_gain: the recurrent matrices are orthogonal, times this; None as the network initialises them.
    forget_bias: of the lstm's forget gate; None as the network initialises it, 1.
    """

    name: str
    cell: Cell
    recurrent_gain: float | None = None
    forget_bias: float | None = None

    def layer(self, hidden: int) -> RecurrentLayer:
        """A seeded layer, `hidden` wide in and out."""
        torch.manual_seed(0)
        layer = RecurrentLayer(self.cell, hidden, hidden)
        _w_ih, w_hh, bias_ih, _bias_hh = layer.kernel.all_weights[0]
        with torch.no_grad():
            if self.recurrent_gain is not None:
                for gate in w_hh.chunk(len(w_hh) // hidden):
                    nn.init.orthogonal_(gate, self.recurrent_gain)
            if self.forget_bias is not None:
                bias_ih[hidden : 2 * hidden].fill_(self.forget_bias)
        return layer


VARIANTS = (
    Variant("rnn", "rnn"),
    Variant("rnn, orthogonal matrix x 1", "rnn", recurrent_gain=1.0),
    Variant("rnn, orthogonal matrix x 1.5", "rnn", recurrent_gain=1.5),
    Variant("gru", "gru"),
    Variant("lstm, forget gate bias 0", "lstm", forget_bias=0.0),
    Variant("lstm", "lstm"),
    Variant("lstm, forget gate bias 3", "lstm", forget_bias=3.0),
)


def gradient_norms(layer: RecurrentLayer, inputs: Tensor) -> tuple[float, ...]:
    """The norm of dL/dstate t steps back from the end, over that at the end, for t = 0, 1, ...

    inputs: shape = (T, B, H). L is a fixed random projection of the last output; an lstm's state is h and c together.
    """
    steps, batch, hidden = inputs.shape
    projection = torch.randn(batch, hidden, generator=torch.Generator().manual_seed(1), dtype=inputs.dtype)
    state = inputs.new_zeros(STATE_TENSORS[layer.cell], batch, hidden)
    states = []
    for t in range(steps):
        state = layer.step(inputs[t], state)
        states.append(state)
    gradients = torch.autograd.grad((state[0] * projection).sum(), states)
    norms = [float(gradient.norm()) for gradient in reversed(gradients)]
    return tuple(norm / norms[0] for norm in norms)


def measure() -> Figure:
    """All variants on the same random inputs; some seconds."""
    inputs = 0.1 * torch.randn(STEPS, BATCH, HIDDEN, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    distances = tuple(map(float, range(STEPS)))
    return Figure(
        "vanishing-gradients",
        "What is left of a gradient on its way back through time",
        "steps back from the end",
        "norm of dL/dstate, relative",
        tuple(
            Series(variant.name, distances, gradient_norms(variant.layer(HIDDEN).double(), inputs))
            for variant in VARIANTS
        ),
        log_y=True,
    )
