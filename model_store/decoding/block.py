"""A block of slots of one beam width that step together: n segments of up to K rows each, however many there are.

Legend: N slots, n of them in use, K beam width, S source capacity, R rows where there is a hypothesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from math import ceil

import torch
from torch import Tensor

from model_store.decoding.backends.protocol import Backend, Readout, Rows
from model_store.decoding.beginnings import Beginning, Beginnings
from model_store.decoding.hypotheses import Beams
from model_store.decoding.occupant import Occupant, Vocabulary
from model_store.decoding.segment import Hypothesis
from model_store.decoding.trellis import NEVER
from model_store.network.memory import DecoderState, Memory

FEWEST_SLOTS = 8
ROWS_AT_ONCE = 64

Best = tuple[Tensor, Tensor, Tensor]  # as Backend.best
Finished = list[tuple[int, tuple[Hypothesis, ...]]]  # by ticket


class Block:
    """Slots of one beam width, those in use first; a segment of a narrower beam leaves rows unused.

    The decoder state has rows for the R hypotheses only that there are, so that a step costs what it is used for: a
    segment begins with one, and has no more than its own beam. There are FEWEST_SLOTS at first, and up to `slots` when
    they are needed. beginnings: where those of its segments are left.
    """

    def __init__(
        self,
        backend: Backend,
        vocabulary: Vocabulary,
        beginnings: Beginnings,
        *,
        slots: int,
        width: int,
        targets: int,
    ) -> None:
        self.backend = backend
        self.vocabulary = vocabulary
        self._beginnings = beginnings
        self.width = width
        self.occupants: list[Occupant] = []
        self._most_slots = slots
        slots = min(FEWEST_SLOTS, slots)
        self.memory, state = backend.empty(slots, width)
        device = self.memory.values.device
        self.state = state.rows(torch.arange(0, device=device))
        sources = backend.source_capacity if backend.has_attention else None
        values = self.memory.values
        scores = values.new_empty(0, dtype=torch.promote_types(values.dtype, torch.float32))
        self.beams = Beams(slots, width, targets, sources, like=scores)
        self.tokens = torch.full((0, width), vocabulary.bos, device=device)
        self._column = torch.arange(width, device=device)
        self._first_row = torch.arange(slots, device=device).unsqueeze(1) * width

    @property
    def held(self) -> int:
        """How many slots are in use."""
        return len(self.occupants)

    @property
    def live(self) -> int:
        """How many segments are here."""
        return self.held

    def admit(self, occupants: list[Occupant], memory: Memory, state: DecoderState, sources: list[int]) -> None:
        """Put segments into free slots; `sources` are their rows in the encoded `memory` and `state`."""
        index = torch.tensor(sources, device=self.tokens.device)
        new = slice(self.live, self.live + len(occupants))
        self._reserve(new.stop)
        length = memory.mask.shape[1]
        self.memory.keys[new, :length] = memory.keys.index_select(0, index)
        self.memory.values[new, :length] = memory.values.index_select(0, index)
        self.memory.mask[new, :length] = memory.mask.index_select(0, index)
        self.memory.mask[new, length:] = False
        self.occupants += occupants
        self.state = reduce(DecoderState.joined, _first_states(occupants, state.rows(index)), self.state)
        begun = self.tokens.new_full((len(occupants), self.width), self.vocabulary.bos)
        self.tokens = torch.cat((self.tokens, begun))
        self.beams.start([occupant.segment for occupant in occupants])
        for slot, occupant in enumerate(occupants, start=new.start):
            if occupant.beginning is not None:
                self.tokens[slot] = occupant.beginning.beams["token"][0, -1]
                self.beams.resume(slot, occupant.beginning.beams)

    def settled(self, ticket: int) -> tuple[int, ...] | None:
        """The tokens that `ticket` is sure to begin with; None if it is not here."""
        for slot, occupant in enumerate(self.occupants):
            if occupant.ticket == ticket:
                return self.beams.settled(slot)
        return None

    def cancel(self, ticket: int) -> bool:
        """Free the slot of `ticket`; whether it was here."""
        for slot, occupant in enumerate(self.occupants):
            if occupant.ticket == ticket:
                there = self._there()
                order = list(range(self.live))
                self._free(slot, order)
                self._keep(order, self._column.expand(len(there), -1), there)
                return True
        return False

    @property
    def rows(self) -> Rows:
        """What is to be stepped: the hypotheses of the slots in use."""
        longest = max(occupant.length for occupant in self.occupants)
        there = self._there()
        rows = None if bool(there.all()) else there.flatten().nonzero().squeeze(1)
        return Rows(self.tokens, self.memory.of(self.live, longest), self.state, self._positions(), rows)

    def take(self, step: Readout) -> Finished:
        """Go on by what a step of `rows` came to; returns what finished, by ticket, and frees those slots."""
        there = self._there()
        record = any(occupant.segment.want_search for occupant in self.occupants)
        best = self._best(step.readout, step.weights, there)
        tokens, parents, done = self.beams.extend(*best, step.weights, self.vocabulary.eos, record=record)
        for slot, occupant in enumerate(self.occupants):
            if occupant.followed:
                occupant.extend(parents[slot].tolist(), tokens[slot].tolist())
        self.tokens, self.state = tokens, step.state
        order = list(range(self.live))
        finished = []
        for slot in reversed(done.nonzero().flatten().tolist()):
            occupant = self.occupants[slot]
            finished.append((occupant.ticket, self.beams.hypotheses(slot, occupant.segment, self.vocabulary.eos)))
            self._free(slot, order)
        self._keep(order, parents, there)
        for slot, occupant in enumerate(self.occupants):
            if occupant.demands is not None and occupant.demands.parting:
                self._beginnings.keep(occupant.segment, occupant.demands.looked, partial(self._beginning, slot))
        return finished[::-1]

    def _best(self, readout: Tensor, weights: Tensor | None, there: Tensor) -> Best:
        """The best extensions of each slot, some slots at a time, so that logits stay in the processor's cache."""
        kinds = self._kinds(there)
        parts = []
        for (whole, rows), slots in kinds.items():
            together = max(ROWS_AT_ONCE // rows, 1)
            best = self._best_of_all if whole else self._best_of_candidates
            for start in range(0, len(slots), together):
                parts.append(best(readout, weights, slots[start : start + together], rows))
        if len(parts) == 1:
            return parts[0]
        values, parents, tokens = (torch.cat(each) for each in zip(*parts, strict=True))
        if len(kinds) > 1:
            place = torch.tensor([slot for slots in kinds.values() for slot in slots], device=values.device).argsort()
            return values[place], parents[place], tokens[place]
        return values, parents, tokens

    def _kinds(self, there: Tensor) -> dict[tuple[bool, int], list[int]]:
        """The slots whose best extensions can be found together, by whether they may write the whole vocabulary, and by
        how many of their rows have to be looked at: all where there is a hypothesis, and 2K extensions in any case."""
        kinds: dict[tuple[bool, int], list[int]] = {}
        used = ((self._column + 1) * there).amax(dim=1).tolist()
        for slot, (occupant, rows) in enumerate(zip(self.occupants, used, strict=True)):
            whole = occupant.candidates is None
            ids = self.backend.vocabulary if occupant.candidates is None else len(occupant.candidates)
            rows = min(max(rows, ceil(2 * self.width / ids)), self.width)
            kinds.setdefault((whole, rows), []).append(slot)
        return kinds

    def _best_of_all(self, readout: Tensor, weights: Tensor | None, slots: list[int], rows: int) -> Best:
        """Of the first `rows` hypotheses of some slots, with the whole vocabulary in view."""
        index = self._places(slots)
        logits, log_prob = self.backend.logits(readout[index, :rows]), self.beams.log_prob[index, :rows]
        demanded = {}
        for place, slot in enumerate(slots):
            occupant = self.occupants[slot]
            for row, token in occupant.barred(rows):
                logits[place, row, token] = float("-inf")
            if occupant.demands is not None and not occupant.demands.met:
                attention = None if weights is None else weights[slot]
                own = logits[place].to(log_prob.dtype, copy=True), log_prob[place], attention
                demanded[place] = occupant.demands.best(*own, self.vocabulary.forbidden, 2 * self.width)
        best = self.backend.best(logits, log_prob, self.vocabulary.forbidden, 2 * self.width)
        for place, instead in demanded.items():
            for column, part in zip(best, instead, strict=True):
                column[place] = part
        return best

    def _best_of_candidates(self, readout: Tensor, weights: Tensor | None, slots: list[int], rows: int) -> Best:
        """Of the first `rows` hypotheses of some slots that all have candidates."""
        index = self._places(slots)
        chosen = [self.occupants[slot] for slot in slots]
        candidates = [occupant.candidates for occupant in chosen if occupant.candidates is not None]
        barred = [(place, *each) for place, occupant in enumerate(chosen) for each in occupant.barred(rows)]
        readout, log_prob = readout[index, :rows], self.beams.log_prob[index, :rows]
        return self.backend.best_among(candidates, barred, readout, log_prob, 2 * self.width)

    def _places(self, slots: list[int]) -> slice | Tensor:
        """What these slots, ascending, are found by; a view where they lie side by side."""
        if slots[-1] - slots[0] + 1 == len(slots):
            return slice(slots[0], slots[-1] + 1)
        return torch.tensor(slots, device=self.tokens.device)

    def _beginning(self, slot: int) -> Beginning:
        """A copy of what the slot has come to."""
        place, length = self.beams.slot[slot : slot + 1], self.occupants[slot].length
        there = self._there()
        first, rows = int(there[:slot].sum()), int(there[slot].sum())
        state = self.state.rows(torch.arange(first, first + rows, device=self.tokens.device))
        return Beginning(state, self.beams.of(place, int(self.beams.length[slot]), length))

    def _reserve(self, slots: int) -> None:
        """Have at least so many slots."""
        there = len(self.memory.mask)
        if slots <= there:
            return
        more = min(max(slots - there, there), self._most_slots - there)
        free, _state = self.backend.empty(more, self.width)
        self.memory = self.memory.joined(free)
        self.beams.grow(more)
        self._first_row = torch.arange(there + more, device=self.tokens.device).unsqueeze(1) * self.width

    def _positions(self) -> Tensor:
        length, limit = self.beams.length[: self.live], self.backend.target_limit
        return length if limit is None else length.clamp(max=limit - 1)

    def _there(self) -> Tensor:
        """Where there is a hypothesis in the rows of the slots in use, bool, shape = (n, K)."""
        return self.beams.log_prob[: self.live] != NEVER

    def _keep(self, order: list[int], parents: Tensor, there: Tensor) -> None:
        """Go on with the slots in `order`. parents: which of its rows each row of the slots up to now goes on from,
        shape = (n, K). there: where there was a hypothesis then."""
        rows = self._first_row[: len(parents)] + parents
        if len(order) < len(rows):
            index = torch.tensor(order, dtype=torch.int64, device=rows.device)
            self.tokens = self.tokens.index_select(0, index)
            rows = rows.index_select(0, index)
        place = there.flatten().cumsum(0) - 1  # in the state
        self.state = self.state.rows(place[rows[self._there()]])

    def _free(self, slot: int, order: list[int]) -> None:
        """The last slot in use takes the place of this one, and does so in `order`."""
        order[slot] = order[-1]
        order.pop()
        last = self.occupants.pop()
        if slot != self.live:
            self.occupants[slot] = last
            for tensor in (self.memory.keys, self.memory.values, self.memory.mask):
                tensor[slot] = tensor[self.live]
        self.beams.stop(slot)


def _first_states(occupants: Sequence[Occupant], encoded: DecoderState) -> list[DecoderState]:
    """What segments begin with, one after the other. encoded: a row for each."""
    beginnings = [occupant.beginning for occupant in occupants]
    if not any(beginnings):
        return [encoded]
    own = (encoded.rows(torch.tensor([row], device=encoded.hidden.device)) for row in range(len(occupants)))
    return [state if beginning is None else beginning.state for beginning, state in zip(beginnings, own, strict=True)]
