"""source -> outputs and state: read reversed, forward, in both directions, or by self-attention.

Outputs are always in original source order, so that attention weights are alignments whatever the direction.

Legend: B batch, S source length, E embedding, H hidden, L layers, C state tensors a layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model_store.config import NetworkConfig
from model_store.network.cells import STATE_TENSORS, RecurrentStack
from model_store.transfers import sent


@dataclass(frozen=True)
class Encoded:
    """outputs: shape = (B, S, H), of no meaning past each length. state: the decoder's first, shape = (L, C, B, H)."""

    outputs: Tensor
    state: Tensor


class Encoder(nn.Module):
    """x: shape = (B, S, E). lengths: int64 on the CPU, shape = (B,)."""

    def forward(self, x: Tensor, lengths: Tensor) -> Encoded:
        """The whole batch by fused kernels."""
        return self._run(x, lengths, fused=True)

    def scan(self, x: Tensor, lengths: Tensor) -> Encoded:
        """The same function with every matrix product in a shape that only B and S fix.

        A row's result then does not depend on how long its neighbours are, which fused kernels do not promise.
        Recurrent encoders take as many steps as the longest row has tokens, however large S is.
        """
        return self._run(x, lengths, fused=False)

    def _run(self, x: Tensor, lengths: Tensor, *, fused: bool) -> Encoded:
        raise NotImplementedError


def reversal(lengths: Tensor, size: int) -> Tensor:
    """Positions that reverse each row within its length and leave padding in place: int64, shape = (B, size)."""
    position = torch.arange(size).expand(len(lengths), size)
    last = lengths.unsqueeze(1) - 1
    return torch.where(position <= last, last - position, position)


def _reorder(x: Tensor, index: Tensor) -> Tensor:
    """x: shape = (B, S, W); index: on its device, shape = (B, S). An involution for `reversal`."""
    return x.gather(1, index.unsqueeze(2).expand_as(x))


def _scan(stack: RecurrentStack, x: Tensor, lengths: Tensor) -> Encoded:
    """Step through x, shape = (B, S, E), left to right; each row stops at its length."""
    state = stack.zero_state(x)
    outputs = []
    live = torch.arange(x.shape[1]).unsqueeze(1) < lengths  # (S, B)
    longest = int(lengths.max())
    for t in range(longest):
        output, after = stack.step(x[:, t], state)
        now = live[t].to(x.device).unsqueeze(1)
        state = torch.where(now, after, state)
        outputs.append(output * now)
    return Encoded(F.pad(torch.stack(outputs, dim=1), (0, 0, 0, x.shape[1] - longest)), state)


class DirectedEncoder(Encoder):
    """One recurrent stack; reversed, it reads the last source word first (Sutskever et al. 2014, section 3.3)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.reverse = config.encoder.direction == "reversed"
        self.stack = RecurrentStack(
            config.cell, config.layers, config.embedding, config.hidden, config.dropout, residual=config.residual
        )

    def _run(self, x: Tensor, lengths: Tensor, *, fused: bool) -> Encoded:
        order = sent(reversal(lengths, x.shape[1]), x.device) if self.reverse else None
        if order is not None:
            x = _reorder(x, order)
        if fused:
            ragged = None if bool((lengths == x.shape[1]).all()) else lengths
            encoded = Encoded(*self.stack(x, self.stack.zero_state(x), ragged))
        else:
            encoded = _scan(self.stack, x, lengths)
        if order is None:
            return encoded
        return Encoded(_reorder(encoded.outputs, order), encoded.state)


class BidirectionalEncoder(Encoder):
    """Two half-width layers a level, one in each direction, concatenated; the next level reads both."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        half = config.hidden // 2
        widths = [config.embedding] + [config.hidden] * (config.layers - 1)
        self.residual = config.residual
        self.dropout = nn.Dropout(config.dropout)
        self.levels = nn.ModuleList(
            nn.ModuleList(
                RecurrentStack(config.cell, 1, width, half, dropout=0.0, residual=False) for _direction in range(2)
            )
            for width in widths
        )

    def _run(self, x: Tensor, lengths: Tensor, *, fused: bool) -> Encoded:
        order = sent(reversal(lengths, x.shape[1]), x.device)
        ragged = None if bool((lengths == x.shape[1]).all()) else lengths
        states = []
        for index, level in enumerate(self.levels):
            assert isinstance(level, nn.ModuleList)
            inputs = self.dropout(x)
            halves = []
            for stack, sequence in zip(level, (inputs, _reorder(inputs, order)), strict=True):
                assert isinstance(stack, RecurrentStack)
                if fused:
                    halves.append(Encoded(*stack(sequence, stack.zero_state(sequence), ragged)))
                else:
                    halves.append(_scan(stack, sequence, lengths))
            forward, backward = halves
            outputs = torch.cat((forward.outputs, _reorder(backward.outputs, order)), dim=2)
            x = outputs + x if self.residual and index else outputs
            states.append(torch.cat((forward.state, backward.state), dim=3))
        return Encoded(x, torch.cat(states))


class SelfAttentionEncoder(Encoder):
    """Every position looks at every other (Vaswani et al. 2017); with an LSTM decoder, the hybrid of Chen et al. 2018.

    The decoder's first state is a learned projection of the mean output, since there is no last recurrent state.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.state_shape = (config.layers, STATE_TENSORS[config.cell], hidden)
        self.widen = nn.Linear(config.embedding, hidden)
        self.position = nn.Embedding(config.positions, hidden)
        layer = nn.TransformerEncoderLayer(
            hidden, config.encoder.heads, 4 * hidden, config.dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, norm=nn.LayerNorm(hidden), enable_nested_tensor=False)
        self.bridge = nn.Linear(hidden, config.layers * STATE_TENSORS[config.cell] * hidden)

    def _run(self, x: Tensor, lengths: Tensor, *, fused: bool) -> Encoded:
        size = x.shape[1]
        present = sent(torch.arange(size) < lengths.unsqueeze(1), x.device)  # (B, S)
        x = self.widen(x) + self.position.weight[:size]
        outputs = self.layers(x, src_key_padding_mask=~present) * present.unsqueeze(2)
        mean = outputs.sum(dim=1) / present.sum(dim=1, keepdim=True)
        layers, tensors, hidden = self.state_shape
        state = torch.tanh(self.bridge(mean)).view(-1, layers, tensors, hidden)
        return Encoded(outputs, state.permute(1, 2, 0, 3))


def build_encoder(config: NetworkConfig) -> Encoder:
    """The encoder that `config` describes."""
    if config.encoder.kind == "self_attention":
        return SelfAttentionEncoder(config)
    if config.encoder.direction == "bidirectional":
        return BidirectionalEncoder(config)
    return DirectedEncoder(config)
