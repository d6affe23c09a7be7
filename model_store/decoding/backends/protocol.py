"""All that search needs of a network: encode, step, and room for a block of slots.

Legend: B sources, N slots, K beam width, R readout width, V vocabulary, S source capacity, H hidden.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from model_store.network.memory import DecoderState, Memory

# Encodes, part after part, whenever it is asked for the next; returns memory and the first state.
Encoding = Generator[None, None, tuple[Memory, DecoderState]]


@dataclass(frozen=True)
class Rows:
    """The hypotheses of some slots of one beam width, to be stepped.

    tokens: shape = (N, K). memory: of S' <= S. positions: shape = (N,). rows: which of the N * K there are, int64,
    ascending, and which `state` holds; None for all.
    """

    tokens: Tensor
    memory: Memory
    state: DecoderState
    positions: Tensor
    rows: Tensor | None = None


@dataclass(frozen=True)
class Readout:
    """What a step comes to before the vocabulary is looked at.

    readout: what the output projection reads, shape = (N, K, R). weights: attention, shape = (N, K, S'), None without.
    state: of those rows that there are.
    """

    readout: Tensor
    weights: Tensor | None
    state: DecoderState


class Backend(Protocol):
    """One network on one device.

    A row's result must not depend on what the other rows of a call hold, on how many there are, nor on which row it is:
    that is what makes a segment decoded alone and under load the same.
    """

    @property
    def vocabulary(self) -> int:
        """V."""
        ...

    @property
    def on_device(self) -> bool:
        """Whether the host should take no part in steps, search included: it would keep the device waiting."""
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

    def encode(self, sources: Sequence[Sequence[int]], rows: int) -> Encoding:
        """Read B sources: memory of shape (B, S', H), S' <= S, and the first state, of B rows.

        In parts that take no longer than a step of `rows` hypotheses, where the device has to be shared with steps, and
        the layers can be left and gone on with; the parts change nothing of what comes of it.
        """
        ...

    def target_log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        """Natural-log probability of a whole target for each of B sources, float32, shape = (B,).

        On the host; but where it takes no part in steps, on the device, which nobody has waited for.

        targets: what the decoder is told token by token, BOS first, and has to write, EOS last.
        """
        ...

    def empty(self, slots: int, width: int) -> tuple[Memory, DecoderState]:
        """Memory for N slots and state for N * K rows, of harmless values."""
        ...

    def step(self, blocks: Sequence[Rows]) -> list[Readout]:
        """One step of slots of several beam widths. Where there is no hypothesis, readouts and weights say nothing."""
        ...

    def logits(self, readout: Tensor) -> Tensor:
        """Of the next token, shape = (N, K, V), for readouts of shape (N, K, R). The caller may write into them."""
        ...

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_extensions, for logits as they were returned, edited or not."""
        ...

    def best_of_all(
        self, readout: Tensor, log_prob: Tensor, forbidden: Tensor, count: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As best, of the logits of readouts of shape (N, K, R), which nobody edits."""
        ...

    def best_among(
        self,
        candidates: Sequence[Tensor],
        barred: Sequence[tuple[int, int, int]],
        readout: Tensor,
        log_prob: Tensor,
        count: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As scoring.best_among, for readouts of shape (N, K, R)."""
        ...
