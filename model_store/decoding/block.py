"""A block of slots of one beam width that step together: n segments of K rows each, however many there are.

Legend: N slots, n of them in use, K beam width, S source capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from model_store.decoding.backends.protocol import Backend
from model_store.decoding.beginnings import Beginning, Beginnings
from model_store.decoding.demands import Demands
from model_store.decoding.hypotheses import Beams
from model_store.decoding.repeats import Paths
from model_store.decoding.segment import Hypothesis, Segment
from model_store.decoding.shortlist import Shortlist
from model_store.decoding.spellings import NO_SPELLINGS, Spellings
from model_store.network.memory import DecoderState, Memory

FEWEST_SLOTS = 8
ROWS_AT_ONCE = 64

Best = tuple[Tensor, Tensor, Tensor]  # as Backend.best
Finished = list[tuple[int, tuple[Hypothesis, ...]]]  # by ticket


@dataclass(frozen=True)
class Vocabulary:
    """The ids that search has to know. forbidden: int64, ids that are never written. spellings: of all of them, for
    segments that have to begin with a text or to contain terms. shortlist: None to score all ids for every source."""

    bos: int
    eos: int
    forbidden: Tensor
    spellings: Spellings = NO_SPELLINGS
    shortlist: Shortlist | None = None


class Occupant:
    """Who holds a slot. paths: None unless the segment must not repeat itself. demands: None unless it has a prefix or
    terms. candidates: the ids that it may write, ascending; None if that is all, as it is with demands. beginning: what
    it goes on from; None to begin at the start."""

    def __init__(
        self, ticket: int, segment: Segment, vocabulary: Vocabulary, beginning: Beginning | None = None
    ) -> None:
        self.ticket = ticket
        self.segment = segment
        self.cancelled = False
        self.paths = Paths(segment.no_repeat_ngram) if segment.no_repeat_ngram else None
        demanding = segment.prefix or segment.terms
        self.demands = Demands(segment, vocabulary.spellings, vocabulary.eos) if demanding else None
        shortlist = None if demanding or vocabulary.shortlist is None else vocabulary.shortlist.of(segment.source)
        self.candidates = None if shortlist is None else torch.from_numpy(shortlist)
        self.beginning = beginning
        for parents, tokens in () if beginning is None else beginning.choices:
            self.extend(parents, tokens)

    @property
    def length(self) -> int:
        """Of its source, in tokens."""
        return len(self.segment.source)

    @property
    def guided(self) -> bool:
        """Whether the host has a part in its steps."""
        guides = (self.paths, self.demands, self.candidates)
        return self.segment.want_search or any(each is not None for each in guides)

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Each hypothesis from now on: the one it extends, and its token."""
        for guide in (self.paths, self.demands):
            if guide is not None:
                guide.extend(parents, tokens)

    def barred(self) -> list[tuple[int, int]]:
        """(hypothesis, token) of every extension that would repeat what must not be repeated. A prefix may."""
        barred = self.paths.barred() if self.paths is not None else []
        return [each for each in barred if self.demands is None or not self.demands.prefix_left(each[0])]


class Block:
    """Slots of one beam width, those in use first; a segment of a narrower beam leaves rows unused.

    The decoder state has rows for the slots in use only, so that a step costs what it is used for. There are
    FEWEST_SLOTS at first, and up to `slots` when they are needed. beginnings: where those of its segments are left.
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
        self.state = self.state.joined(state.rows(index.repeat_interleave(self.width)))
        begun = self.tokens.new_full((len(occupants), self.width), self.vocabulary.bos)
        self.tokens = torch.cat((self.tokens, begun))
        self.beams.start([occupant.segment for occupant in occupants])
        for slot, occupant in enumerate(occupants, start=new.start):
            if occupant.beginning is not None:
                self._resume(slot, occupant.beginning)

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
                rows = torch.arange(self.live * self.width, device=self.tokens.device)
                order = list(range(self.live))
                self._free(slot, order)
                self._keep(order, rows)
                return True
        return False

    def step(self) -> Finished:
        """One step of every slot in use; returns what finished, by ticket, and frees those slots."""
        longest = max(occupant.length for occupant in self.occupants)
        step = self.backend.step(self.tokens, self.memory.of(self.live, longest), self.state, self._positions())
        record = any(occupant.segment.want_search for occupant in self.occupants)
        best = self._best(step.readout, step.weights)
        tokens, parents, done = self.beams.extend(*best, step.weights, self.vocabulary.eos, record=record)
        for slot, occupant in enumerate(self.occupants):
            if occupant.guided:
                occupant.extend(parents[slot].tolist(), tokens[slot].tolist())
        self.tokens, self.state = tokens, step.state
        order = list(range(self.live))
        finished = []
        for slot in reversed(done.nonzero().flatten().tolist()):
            occupant = self.occupants[slot]
            finished.append((occupant.ticket, self.beams.hypotheses(slot, occupant.segment, self.vocabulary.eos)))
            self._free(slot, order)
        self._keep(order, (self._first_row[: len(parents)] + parents).flatten())
        for slot, occupant in enumerate(self.occupants):
            if occupant.demands is not None and occupant.demands.parting:
                self._beginnings.keep(occupant.segment, occupant.demands.looked, partial(self._beginning, slot))
        return finished[::-1]

    def _best(self, readout: Tensor, weights: Tensor | None) -> Best:
        """The best extensions of each slot, some slots at a time, so that logits stay in the processor's cache."""
        together = max(ROWS_AT_ONCE // self.width, 1)
        whole = [slot for slot, occupant in enumerate(self.occupants) if occupant.candidates is None]
        short = [slot for slot, occupant in enumerate(self.occupants) if occupant.candidates is not None]
        parts = [
            best(readout, weights, slots[start : start + together])
            for best, slots in ((self._best_of_all, whole), (self._best_of_candidates, short))
            for start in range(0, len(slots), together)
        ]
        values, parents, tokens = (torch.cat(each) for each in zip(*parts, strict=True))
        if whole and short:
            place = torch.tensor([*whole, *short], device=values.device).argsort()
            return values[place], parents[place], tokens[place]
        return values, parents, tokens

    def _best_of_all(self, readout: Tensor, weights: Tensor | None, slots: list[int]) -> Best:
        """Of some slots, with the whole vocabulary in view."""
        index = torch.tensor(slots, device=readout.device)
        logits, log_prob = self.backend.logits(readout[index]), self.beams.log_prob[index]
        demanded = {}
        for place, slot in enumerate(slots):
            occupant = self.occupants[slot]
            for row, token in occupant.barred():
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

    def _best_of_candidates(self, readout: Tensor, weights: Tensor | None, slots: list[int]) -> Best:
        """Of some slots that all have candidates."""
        index = torch.tensor(slots, device=readout.device)
        chosen = [self.occupants[slot] for slot in slots]
        candidates = [occupant.candidates for occupant in chosen if occupant.candidates is not None]
        barred = [(place, *each) for place, occupant in enumerate(chosen) for each in occupant.barred()]
        return self.backend.best_among(candidates, barred, readout[index], self.beams.log_prob[index], 2 * self.width)

    def _beginning(self, slot: int) -> Beginning:
        """A copy of what the slot has come to."""
        place, length = self.beams.slot[slot : slot + 1], self.occupants[slot].length
        rows = self._first_row[slot] + torch.arange(self.width, device=self.tokens.device)
        return Beginning(self.state.rows(rows), self.beams.of(place, int(self.beams.length[slot]), length))

    def _resume(self, slot: int, beginning: Beginning) -> None:
        """Let a slot that has just begun go on from there."""
        self.state.put(beginning.state, slice(slot * self.width, (slot + 1) * self.width))
        self.tokens[slot] = beginning.beams["token"][0, -1]
        self.beams.resume(slot, beginning.beams)

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

    def _keep(self, order: list[int], rows: Tensor) -> None:
        """Go on with the slots in `order`; `rows` are the state's rows that all slots up to now go on from."""
        if len(order) < len(self.tokens):
            index = torch.tensor(order, dtype=torch.int64, device=rows.device)
            self.tokens = self.tokens.index_select(0, index)
            rows = rows.view(-1, self.width).index_select(0, index).flatten()
        self.state = self.state.rows(rows)

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
