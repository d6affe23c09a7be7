"""Linear layers whose weights are packed for the compiled kernels, and the projection to the vocabulary.

Legend: R rows, I inputs, O outputs, V vocabulary, N slots, K beam width, P panels of 64 columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from model_store.decoding.backends.int8_linear import quantise
from model_store.decoding.backends.simd import among, choosing, phases
from model_store.decoding.backends.simd.kernels import Array, Matrix
from model_store.decoding.backends.simd.packing import array_of, by_token, in_panels, packed, room_of, rows_of
from model_store.decoding.backends.simd.team import LOGITS_A_US, Team
from model_store.decoding.backends.simd.tiles import BYTES, COLUMNS, DOT_COLUMNS, DOT_ROWS, PRODUCTS_A_US

_NONE = torch.empty(0, dtype=torch.int64)


def product(x: Tensor, matrix: Matrix, team: Team, *, squash: bool = False) -> Array:
    """x W^T + b, or its tanh. x: float32, shape = (R, I). Returns float32, shape = (R, P, 64)."""
    rows, (panels, groups, *_tile) = x.shape[0], matrix.weights.shape
    y = np.empty((rows, panels, COLUMNS), dtype=np.float32)
    codes, room = rows_of(rows, groups * BYTES), room_of(team)
    cost_us = rows * matrix.weights.size / PRODUCTS_A_US
    team.run(phases.linear, 2, array_of(x), codes, matrix, squash, y, room, cost_us=cost_us)
    return y


class Linear:
    """y = x W^T + b, or its tanh. weight: float32, shape = (O, I). bias: shape = (O,)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, team: Team, *, squash: bool = False) -> None:
        self._outputs = len(weight)
        self._team = team
        self._squash = squash
        codes, scale = quantise(weight.detach().float())
        offset = torch.zeros(self._outputs) if bias is None else bias.detach().float()
        self._matrix = Matrix(packed(codes), in_panels(scale), in_panels(offset))

    def __call__(self, x: Tensor) -> Tensor:
        """x: float32, shape = (R, I). Returns float32, shape = (R, O)."""
        y = product(x, self._matrix, self._team, squash=self._squash)
        return torch.from_numpy(y).view(x.shape[0], -1)[:, : self._outputs]


class Projection(Linear):
    """Logits of readouts, and the best extensions by them. What fills up the last panel is -inf.

    Its weights are there a second time, token by token, once some candidates are asked for.
    """

    def __init__(self, weight: Tensor, bias: Tensor, team: Team) -> None:
        super().__init__(weight, bias, team)
        self._matrix.bias.reshape(-1)[self._outputs :] = -np.inf
        self._tokens: among.Tokens | None = None

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_extensions. logits: as they were returned, edited or not, shape = (N, K, V)."""
        slots, width, tokens = logits.shape
        panels, threads, rows = -(-tokens // COLUMNS), self._team.size, slots * width
        most = min(count, tokens)
        whole = logits.as_strided((rows, panels, COLUMNS), (panels * COLUMNS, COLUMNS, 1))
        best, parents, chosen = torch.empty(slots, count), *torch.empty(2, slots, count, dtype=torch.int64)
        self._team.run(
            choosing.best_extensions,
            2,
            whole.numpy(),
            array_of(log_prob),
            array_of(forbidden),
            np.empty((rows, most), dtype=np.float32),
            np.empty((rows, most), dtype=np.int64),
            best.numpy(),
            parents.numpy(),
            chosen.numpy(),
            np.empty((threads, most), dtype=np.int64),
            np.empty((threads, panels), dtype=np.float32),
            np.empty((threads, COLUMNS), dtype=np.float32),
            cost_us=whole.numel() / LOGITS_A_US,
        )
        return best, parents, chosen

    def best_among(
        self,
        candidates: Sequence[Tensor],
        barred: Sequence[tuple[int, int, int]],
        x: Tensor,
        log_prob: Tensor,
        count: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_among. x: float32, shape = (N, K, I). Only the candidates' logits are computed."""
        slots, width, _inputs = x.shape
        ids = pad_sequence(list(candidates), batch_first=True, padding_value=-1)  # (N, longest)
        panels = -(-ids.shape[1] // COLUMNS)
        ids = torch.nn.functional.pad(ids, (0, panels * COLUMNS - ids.shape[1]), value=-1)
        logits = torch.empty(slots, width, panels * COLUMNS)
        tokens, threads = self._by_token(), self._team.size
        self._team.run(
            among.logits_among,
            2,
            array_of(x.flatten(0, 1)),
            rows_of(slots * width, tokens.weights.shape[1]),
            tokens,
            array_of(ids.view(slots, panels, COLUMNS)),
            logits.view(slots, width, panels, COLUMNS).numpy(),
            np.empty((threads, DOT_COLUMNS), dtype=np.int64),
            np.empty((threads, DOT_ROWS * DOT_COLUMNS), dtype=np.int32),
            cost_us=logits.numel() * tokens.weights.shape[1] / PRODUCTS_A_US,
        )
        for slot, hypothesis, token in barred:
            place = int(torch.searchsorted(candidates[slot], token))
            if place < len(candidates[slot]) and candidates[slot][place] == token:
                logits[slot, hypothesis, place] = float("-inf")
        best, parents, places = self.best(logits, log_prob, _NONE, count)
        return best, parents, ids.gather(1, places).clamp_(min=0)

    def _by_token(self) -> among.Tokens:
        if self._tokens is None:
            scale, bias = (each.reshape(-1)[: self._outputs] for each in (self._matrix.scale, self._matrix.bias))
            self._tokens = among.Tokens(by_token(self._matrix.weights, self._outputs), scale, bias)
        return self._tokens
