"""A block of slots that steps in one fixed shape: N slots of K rows each, whoever is in them.

Legend: N slots, K beam width, S source capacity.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from model_store.decoding.backends.protocol import Backend
from model_store.decoding.hypotheses import Beams
from model_store.decoding.scoring import log_probabilities
from model_store.decoding.segment import Hypothesis, Segment
from model_store.network.memory import DecoderState, Memory


@dataclass(frozen=True)
class Occupant:
    """Who holds a slot."""

    ticket: int
    segment: Segment


@dataclass(frozen=True)
class Vocabulary:
    """The ids that search has to know. forbidden: bool, shape = (V,), ids that are never written."""

    bos: int
    eos: int
    forbidden: Tensor


class Block:
    """Slots of one beam width; a segment of a narrower beam leaves rows unused."""

    def __init__(self, backend: Backend, vocabulary: Vocabulary, *, slots: int, width: int, targets: int) -> None:
        self.backend = backend
        self.vocabulary = vocabulary
        self.width = width
        self.occupants: list[Occupant | None] = [None] * slots
        self.memory, self.state = backend.empty(slots, width)
        self.beams = Beams(
            slots, width, targets, backend.source_capacity, attention=backend.has_attention, like=self.memory.values
        )
        self.tokens = torch.full((slots, width), vocabulary.bos, device=self.memory.values.device)
        self._first_row = torch.arange(slots, device=self.tokens.device).unsqueeze(1) * width

    @property
    def live(self) -> int:
        """How many slots are held."""
        return sum(occupant is not None for occupant in self.occupants)

    @property
    def free(self) -> int:
        """How many slots are free."""
        return len(self.occupants) - self.live

    def admit(self, occupant: Occupant, memory: Memory, state: DecoderState, source: int) -> None:
        """Put a segment into a free slot; `source` is its row in the encoded `memory` and `state`."""
        slot = self.occupants.index(None)
        self.occupants[slot] = occupant
        self._write_memory(slot, memory, source)
        rows = slice(slot * self.width, (slot + 1) * self.width)
        self.state.hidden[:, :, rows] = state.hidden[:, :, source : source + 1]
        if self.state.feed is not None and state.feed is not None:
            self.state.feed[rows] = state.feed[source]
        self.tokens[slot] = self.vocabulary.bos
        self.beams.start(slot, occupant.segment)

    def cancel(self, ticket: int) -> bool:
        """Free the slot of `ticket`; whether it was here."""
        for slot, occupant in enumerate(self.occupants):
            if occupant is not None and occupant.ticket == ticket:
                self._free(slot)
                return True
        return False

    def step(self) -> list[tuple[int, tuple[Hypothesis, ...]]]:
        """One step of every slot; returns what finished, by ticket, and frees those slots."""
        step = self.backend.step(self.tokens, self.memory, self.state, self._positions())
        log_probs = log_probabilities(step.logits, self.vocabulary.forbidden)
        record = any(occupant is not None and occupant.segment.want_search for occupant in self.occupants)
        tokens, parents, done = self.beams.extend(log_probs, step.weights, self.vocabulary.eos, record=record)
        self.tokens = tokens
        self.state = step.state.rows((self._first_row + parents).flatten())
        finished = []
        for slot, is_done in enumerate(done.tolist()):
            occupant = self.occupants[slot]
            if is_done and occupant is not None:
                finished.append((occupant.ticket, self.beams.hypotheses(slot, occupant.segment, self.vocabulary.eos)))
                self._free(slot)
        return finished

    def move_into(self, other: Block) -> None:
        """Move every segment into free slots of `other`, a block of the same shape with room for all."""
        for slot, occupant in enumerate(self.occupants):
            if occupant is None:
                continue
            target = other.occupants.index(None)
            other.occupants[target] = occupant
            other._write_memory(target, self.memory, slot)
            rows = slice(slot * self.width, (slot + 1) * self.width)
            target_rows = slice(target * self.width, (target + 1) * self.width)
            other.state.hidden[:, :, target_rows] = self.state.hidden[:, :, rows]
            if other.state.feed is not None and self.state.feed is not None:
                other.state.feed[target_rows] = self.state.feed[rows]
            other.tokens[target] = self.tokens[slot]
            self.beams.copy_slot(slot, other.beams, target)
            self._free(slot)

    def _positions(self) -> Tensor:
        limit = self.backend.target_limit
        return self.beams.length if limit is None else self.beams.length.clamp(max=limit - 1)

    def _write_memory(self, slot: int, memory: Memory, source: int) -> None:
        self.memory.keys[slot] = memory.keys[source]
        self.memory.values[slot] = memory.values[source]
        self.memory.mask[slot] = memory.mask[source]

    def _free(self, slot: int) -> None:
        self.occupants[slot] = None
        self.beams.stop(slot)
