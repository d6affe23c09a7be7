"""Networks that were tried and do not ship: what they are worth says the experiment `techniques`.

Legend: B batch, T sequence length, Q queries a source, I input width, H hidden, S source length, C h and c.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model_store.config import NetworkConfig
from model_store.network.cells import RecurrentLayer, RecurrentStack
from model_store.network.decoder import Decoder
from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Seq2Seq


class LayerNormalisedLayer(RecurrentLayer):
    """An lstm whose sums are normalised inside each step (Ba et al. 2016, arXiv:1607.06450, eq. 20 to 22).

    No fused kernel does that, so a sequence is taken step by step.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__("lstm", inputs, hidden)
        self.of_inputs = nn.LayerNorm(4 * hidden, bias=False)
        self.of_states = nn.LayerNorm(4 * hidden, bias=False)
        self.of_cells = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, state: Tensor, live: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As RecurrentLayer. x: shape = (B, T, I), or packed (P, I). state: shape = (C, B, H)."""
        sums = self.of_inputs(x @ self.kernel.all_weights[0][0].T)  # (B, T, 4H) or (P, 4H)
        outputs = []
        for own in sums.unbind(dim=1) if live is None else sums.split(live.tolist()):
            count = len(own)
            after = self._from(own, state[:, :count])
            state = torch.cat((after, state[:, count:]), dim=1)
            outputs.append(after[0])
        return torch.stack(outputs, dim=1) if live is None else torch.cat(outputs), state

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        return self._from(self.of_inputs(x @ self.kernel.all_weights[0][0].T), state)

    def _from(self, sums: Tensor, state: Tensor) -> Tensor:
        """sums: of the inputs, shape = (B, 4H). Returns the new state, shape = (C, B, H)."""
        _w_ih, w_hh, bias_ih, bias_hh = self.kernel.all_weights[0]
        enter, forget, new, leave = (sums + self.of_states(state[0] @ w_hh.T) + bias_ih + bias_hh).chunk(4, dim=-1)
        cell = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(new)
        return torch.stack((torch.sigmoid(leave) * torch.tanh(self.of_cells(cell)), cell))


class RoutedDecoder(Decoder):
    """The first layer attends, and the layers above read what it found beside what it wrote.

    As in GNMT (Wu et al. 2016, arXiv:1609.08144, section 3), but attention asks with the first layer's state of this
    position, not of the one before, so that the whole target still runs as fused layers. The readout is Luong's.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        if config.layers < 2 or config.decoder.input_feeding:
            raise ValueError(f"network.layers: {config.layers}; routed attention needs two, and no input feeding")
        above = (RecurrentLayer(config.cell, 2 * config.hidden, config.hidden) for _layer in range(config.layers - 1))
        self.stack.layers = nn.ModuleList([self.stack.layers[0], *above])

    def forward(self, x: Tensor, memory: Memory, state: DecoderState) -> Tensor:
        """As Decoder. x: shape = (B, T, E) -> readouts, shape = (B, T, R)."""
        first, *above = self._layers()
        outputs, _final = first(self.dropout(x), state.hidden[0])
        positions = torch.arange(x.shape[1], device=x.device).expand(x.shape[0], -1)
        context, _weights = self._attended(outputs, memory, positions)
        for layer, hidden in zip(above, state.hidden[1:], strict=True):
            written, _final = layer(self.dropout(torch.cat((outputs, context), dim=2)), hidden)
            outputs = written + outputs if self.stack.residual else written
        return self.dropout(torch.tanh(self.combine(torch.cat((context, outputs), dim=2))))  # type: ignore[no-any-return]

    def step(
        self, x: Tensor, memory: Memory, state: DecoderState, positions: Tensor
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        """As Decoder. x: shape = (B, Q, E) -> readouts (B, Q, R), attention weights (B, Q, S), and the new state."""
        batch, queries, _width = x.shape
        first, *above = self._layers()
        after = [first.step(self.dropout(x.flatten(0, 1)), state.hidden[0])]
        outputs = after[0][0]
        context, weights = self._attended(
            outputs.view(batch, queries, -1), memory, positions.unsqueeze(1).expand(-1, queries)
        )
        for layer, hidden in zip(above, state.hidden[1:], strict=True):
            after.append(layer.step(self.dropout(torch.cat((outputs, context.flatten(0, 1)), dim=1)), hidden))
            outputs = after[-1][0] + outputs if self.stack.residual else after[-1][0]
        readout = torch.tanh(self.combine(torch.cat((context, outputs.view(batch, queries, -1)), dim=2)))
        return self.dropout(readout), weights, DecoderState(torch.stack(after), None)

    def _layers(self) -> list[RecurrentLayer]:
        return [layer for layer in self.stack.layers if isinstance(layer, RecurrentLayer)]

    def _attended(self, outputs: Tensor, memory: Memory, positions: Tensor) -> tuple[Tensor, Tensor]:
        assert self.attention is not None
        return self.attention(outputs, memory.keys, memory.values, memory.mask, positions)  # type: ignore[no-any-return]


def layer_normalised(config: NetworkConfig) -> Seq2Seq:
    """The network of `config`, whose cells are lstm, with each layer normalised."""
    network = Seq2Seq(config)
    for stack in (each for each in network.modules() if isinstance(each, RecurrentStack)):
        stack.layers = nn.ModuleList(
            LayerNormalisedLayer(layer.kernel.input_size, layer.hidden)
            for layer in stack.layers
            if isinstance(layer, RecurrentLayer)
        )
    return network


def routed(config: NetworkConfig) -> Seq2Seq:
    """The network of `config`, of two layers or more, with routed attention."""
    network = Seq2Seq(config)
    network.decoder = RoutedDecoder(config)
    return network
