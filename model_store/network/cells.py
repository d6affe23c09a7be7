"""rnn, gru and lstm layers behind one interface: a whole sequence at once, or one step.

The sequence form is torch's fused kernel (oneDNN, cuDNN); the step form, for decoding and input feeding, is torch's
cell, whose gates are one kernel on CUDA. Both read the same parameters and compute the same function.

Legend: B batch, T sequence length, I input width, H hidden, R rows, L layers, C state tensors a layer (2 for
lstm: h and c; else 1).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from model_store.config import Cell
from model_store.transfers import sent

STATE_TENSORS: dict[Cell, int] = {"rnn": 1, "gru": 1, "lstm": 2}

_KERNELS: dict[Cell, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class RecurrentLayer(nn.Module):
    """One recurrent layer. An lstm's forget gate starts open (bias 1, Jozefowicz et al. 2015)."""

    def __init__(self, cell: Cell, inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell: Cell = cell
        self.hidden = hidden
        self.kernel = _KERNELS[cell](inputs, hidden, batch_first=True)
        if cell == "lstm":
            _w_ih, _w_hh, bias_ih, bias_hh = self.kernel.all_weights[0]
            with torch.no_grad():
                bias_ih[hidden : 2 * hidden].fill_(1.0)
                bias_hh[hidden : 2 * hidden].zero_()

    def forward(self, x: Tensor, state: Tensor, live: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run whole sequences.

        x: shape = (B, T, I); or with `live` packed, position after position, shape = (P, I). state: shape = (C, B, H).
        live: how many rows there are at each position, the longest first, int64 on the CPU.

        Returns outputs, of the shape of x with H for I, and the state after each row's last position, like `state`.
        """
        initial = (state[0:1].contiguous(), state[1:2].contiguous()) if self.cell == "lstm" else state.contiguous()
        outputs, final = self.kernel(x if live is None else PackedSequence(x, live), initial)
        return outputs if live is None else outputs.data, torch.cat(final) if self.cell == "lstm" else final

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """x: shape = (R, I). state: shape = (C, R, H). Returns the new state, whose first tensor is the output."""
        weights = self.kernel.all_weights[0]
        if self.cell == "lstm":
            return torch.stack(torch.lstm_cell(x, (state[0], state[1]), *weights))
        cell = torch.gru_cell if self.cell == "gru" else torch.rnn_tanh_cell
        return cell(x, state[0], *weights).unsqueeze(0)


class RecurrentStack(nn.Module):
    """Layers on top of each other, with dropout before each and optional residual connections above the first."""

    def __init__(self, cell: Cell, layers: int, inputs: int, hidden: int, dropout: float, *, residual: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            RecurrentLayer(cell, inputs if layer == 0 else hidden, hidden) for layer in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.residual = residual
        self.state_shape = (layers, STATE_TENSORS[cell], hidden)

    def zero_state(self, x: Tensor) -> Tensor:
        """A state of zeros for the batch of `x`, shape = (L, C, B, H)."""
        layers, tensors, hidden = self.state_shape
        return x.new_zeros(layers, tensors, x.shape[0], hidden)

    def forward(self, x: Tensor, state: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x: shape = (B, T, I). state: shape = (L, C, B, H). lengths: int64 on the CPU, shape = (B,); None if all rows
        are full, which spares the packing. Past its length a row's outputs have no meaning.

        Returns outputs, shape = (B, T, H), and the state after each row's last position.
        """
        if lengths is None:
            return self._run(x, state, None)
        # Packed once for all layers, in an order that the host knows: torch's own would ask the device for it.
        order = lengths.argsort(descending=True, stable=True)
        there, back = (sent(each, x.device) for each in (order, order.argsort()))
        packed = pack_padded_sequence(x.index_select(0, there), lengths[order], batch_first=True)
        outputs, final = self._run(packed.data, state.index_select(2, there), packed.batch_sizes)
        padded, _lengths = pad_packed_sequence(
            PackedSequence(outputs, packed.batch_sizes), batch_first=True, total_length=x.shape[1]
        )
        return padded.index_select(0, back), final.index_select(2, back)

    def _run(self, x: Tensor, state: Tensor, live: Tensor | None) -> tuple[Tensor, Tensor]:
        final = []
        for index, layer in enumerate(self.layers):
            outputs, after = layer(self.dropout(x), state[index], live)
            x = outputs + x if self.residual and index else outputs
            final.append(after)
        return x, torch.stack(final)

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step. x: shape = (R, I). state: shape = (L, C, R, H). Returns output (R, H) and the new state."""
        after = []
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, RecurrentLayer)
            new = layer.step(self.dropout(x), state[index])
            x = new[0] + x if self.residual and index else new[0]
            after.append(new)
        return x, torch.stack(after)
