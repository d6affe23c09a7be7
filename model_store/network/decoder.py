"""One decoder step, and the teacher-forced pass over a whole target.

Without input feeding the recurrence does not depend on attention, so the whole target runs as fused layers followed by
one attention over all positions; with it, target positions run one by one.

Legend: B batch, T target length, Q queries a source (the beam), E embedding, H hidden, R readout, S source length.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_store.config import NetworkConfig
from model_store.network.attention import build_attention
from model_store.network.cells import RecurrentStack
from model_store.network.memory import DecoderState, Memory


class Decoder(nn.Module):
    """Embedded target tokens -> attentional vectors tanh(W_c [context; h]) (Luong et al. 2015, eq. 5)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.input_feeding = config.decoder.input_feeding
        inputs = config.embedding + (config.readout if self.input_feeding else 0)
        self.stack = RecurrentStack(
            config.cell, config.layers, inputs, config.hidden, config.dropout, residual=config.residual
        )
        self.attention = build_attention(config)
        around = config.embedding * config.embedding_window
        self.of_window = nn.Linear(around, config.hidden, bias=False) if around else None
        self.combine = nn.Linear(config.hidden * (1 if self.attention is None else 2), config.readout, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def first_state(self, hidden: Tensor) -> DecoderState:
        """hidden: the encoder's, shape = (L, C, B, H). The first attentional vector fed is zero."""
        feed = hidden.new_zeros(hidden.shape[2], self.combine.out_features) if self.input_feeding else None
        return DecoderState(hidden, feed)

    def read(self, outputs: Tensor, embedded: Tensor, mask: Tensor) -> Memory:
        """outputs: shape = (B, S, H), embedded: shape = (B, S, E), mask: bool, shape = (B, S) -> the source as
        attention reads it."""
        keys = outputs if self.attention is None else self.attention.keys(outputs)
        if self.of_window is None:
            return Memory(keys, outputs, mask)
        window = self.of_window.in_features // embedded.shape[2]
        padded = F.pad(embedded * mask.unsqueeze(2), (0, 0, window // 2, window // 2))  # (B, S + window - 1, E)
        around = torch.cat([padded[:, place : place + outputs.shape[1]] for place in range(window)], dim=2)
        return Memory(keys, outputs + self.of_window(around), mask)

    def forward(self, x: Tensor, memory: Memory, state: DecoderState) -> Tensor:
        """Teacher-forced: x, shape = (B, T, E), the embedded target shifted right -> readouts, shape = (B, T, R)."""
        if self.input_feeding:
            readouts = []
            for t in range(x.shape[1]):
                positions = torch.full((x.shape[0],), t, device=x.device)
                readout, _weights, state = self.step(x[:, t].unsqueeze(1), memory, state, positions)
                readouts.append(readout)
            return torch.cat(readouts, dim=1)
        outputs, _final = self.stack(x, state.hidden)
        positions = torch.arange(x.shape[1], device=x.device).expand(x.shape[0], -1)
        return self.dropout(self._readout(outputs, memory, positions)[0])  # type: ignore[no-any-return]

    def step(
        self, x: Tensor, memory: Memory, state: DecoderState, positions: Tensor
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """One target position of every hypothesis.

        x: shape = (B, Q, E). state: of B * Q rows, the Q hypotheses of a source side by side. positions: index of the
        target token, int64, shape = (B,).

        Returns readouts (B, Q, R), attention weights (B, Q, S) or None without attention, and the new state.
        """
        batch, queries, _width = x.shape
        rows = x.reshape(batch * queries, -1)
        if state.feed is not None:
            rows = torch.cat((rows, state.feed), dim=1)
        output, hidden = self.stack.step(rows, state.hidden)
        readout, weights = self._readout(
            output.view(batch, queries, -1), memory, positions.unsqueeze(1).expand(-1, queries)
        )
        # What is fed meets the dropout before the first layer.
        feed = None if state.feed is None else readout.reshape(batch * queries, -1)
        return self.dropout(readout), weights, DecoderState(hidden, feed)

    def _readout(self, outputs: Tensor, memory: Memory, positions: Tensor) -> tuple[Tensor, Tensor | None]:
        """outputs: shape = (B, Q, H) -> attentional vectors (B, Q, R) and weights (B, Q, S)."""
        if self.attention is None:
            return torch.tanh(self.combine(outputs)), None
        context, weights = self.attention(outputs, memory.keys, memory.values, memory.mask, positions)
        return torch.tanh(self.combine(torch.cat((context, outputs), dim=2))), weights
