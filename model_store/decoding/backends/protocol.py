"""All that search needs of a network: encode, step, and room for a block of slots.

Legend: B sources, N slots, K beam width, V vocabulary, S source capacity, L layers, C state tensors a layer, H hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from model_store.network.memory import DecoderState, Memory
from model_store.network.seq2seq import Step


class Backend(Protocol):
    """One network on one device.

    A row's result must not depend on what the other rows of a call hold, nor on which row it is: that is what makes a
    segment decoded alone and under load the same.
    """

    @property
    def vocabulary(self) -> int:
        """V."""
        ...

    @property
    def source_capacity(self) -> int:
        """S, the longest source, in tokens."""
        ...

    @property
    def target_limit(self) -> int | None:
        """The longest target the network can count to, in tokens; None if it has no bound."""
        ...

    @property
    def has_attention(self) -> bool:
        """Whether steps come with attention weights."""
        ...

    def encode(self, sources: Sequence[Sequence[int]]) -> tuple[Memory, DecoderState]:
        """Read B sources: memory of shape (B, S, H) and the first state, of B rows."""
        ...

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        """Memory for N slots and state for N * K rows, of harmless values."""
        ...

    def step(self, tokens: Tensor, memory: Memory, state: DecoderState, positions: Tensor) -> Step:
        """One step of N * K hypotheses. tokens: shape = (N, K). positions: shape = (N,)."""
        ...
