"""What tokens add to the gates of the first layer, kept from call to call (Devlin 2017, arXiv:1705.01991).

A token's embedding is the same whenever it comes, and so is its product with the first layer's weights: one of twice
as many products as there are layers, in the encoder and in the decoder, that need not be computed again.

Legend: R rows, V vocabulary, E inputs, M tokens that are kept, P panels of 64 columns, A what is fed.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from model_store.decoding.backends.simd import KEPT_TOKENS
from model_store.decoding.backends.simd.kernels import Array, Matrix
from model_store.decoding.backends.simd.linear import product
from model_store.decoding.backends.simd.lstm import Known
from model_store.decoding.backends.simd.packing import aligned, array_of
from model_store.decoding.backends.simd.team import Team

_LOOKED_UP_AT_ONCE = 8  # of all places, this part: those that were longest unused


class FirstLayer:
    """embedding: shape = (V, E). matrix: of the layer's inputs, which are E columns and A more if something is fed."""

    def __init__(self, embedding: Tensor, matrix: Matrix, team: Team) -> None:
        vocabulary = len(embedding)
        kept = min(vocabulary, KEPT_TOKENS)
        self._embedding, self._matrix, self._team = embedding, matrix, team
        self._gates = aligned((kept, *matrix.bias.shape), np.float32)  # memory only of what is written
        self._token_at = np.full(kept, vocabulary)  # none yet
        self._place_of = np.full(vocabulary + 1, -1)
        self._used, self._now = np.zeros(kept, dtype=np.int64), 0
        self._unused, self._looked = np.arange(0), 0  # places that were longest unused at that call, none at first

    def of(self, tokens: Tensor) -> Known:
        """tokens: shape = (R,). What is returned holds until the next call."""
        ids = array_of(tokens)
        places = self._place_of[ids]
        self._now += 1
        if places.min() < 0:
            missing, there = np.unique(ids[places < 0]), places[places >= 0]
            if len(missing) + len(np.unique(there)) > len(self._gates):
                return as_they_come(self._products(tokens))
            made = self._products(torch.from_numpy(missing))
            self._used[there] = self._now
            self._replace(self._longest_unused(len(missing)), missing, made)
            places = self._place_of[ids]
        self._used[places] = self._now
        return Known(self._gates, places)

    def fed(self, tokens: Tensor, feed: Tensor) -> Known:
        """feed: shape = (R, A). Nothing of it comes a second time."""
        return as_they_come(self._products(tokens, feed))

    def _products(self, tokens: Tensor, feed: Tensor | None = None) -> Array:
        x = self._embedding[tokens]
        return product(x if feed is None else torch.cat((x, feed), dim=1), self._matrix, self._team)

    def _longest_unused(self, count: int) -> Array:
        """So many places. To find them takes as long as a small layer, so more are looked up than are needed now; those
        that are used before they are taken are none any more."""
        self._unused = self._unused[self._used[self._unused] < self._looked]
        if len(self._unused) < count:
            longest = max(count, len(self._used) // _LOOKED_UP_AT_ONCE)
            self._unused, self._looked = np.argpartition(self._used, longest - 1)[:longest], self._now
            self._unused = self._unused[self._used[self._unused] < self._now]
        places, self._unused = self._unused[:count], self._unused[count:]
        return places

    def _replace(self, places: Array, tokens: Array, gates: Array) -> None:
        """gates: shape = (len(tokens), P, 64)."""
        self._place_of[self._token_at[places]] = -1
        self._gates[places] = gates
        self._token_at[places], self._place_of[tokens] = tokens, places


def as_they_come(gates: Array) -> Known:
    """Of each row its own. gates: shape = (R, P, 64)."""
    return Known(gates, np.arange(len(gates)))
