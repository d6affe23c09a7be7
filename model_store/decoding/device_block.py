"""A block of slots whose steps are the device's alone: search too runs there, and the host looks a step later.

What ended in a step the host learns while the next one runs; what came of it is copied behind that step, and read while
the one after it runs. So the device never waits for the host. A slot that ended stays as it is meanwhile, whatever
steps run over it. Slots are not moved when others become free: a step runs over all up to the last one in use.

Legend: N slots, K beam width, S source capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

import torch
from torch import Tensor

from model_store.decoding.backends.protocol import Backend, Rows
from model_store.decoding.block import Finished
from model_store.decoding.hypotheses import Beams
from model_store.decoding.occupant import Occupant, Vocabulary
from model_store.decoding.repeats import barred_tokens
from model_store.decoding.step_graphs import StepGraphs
from model_store.network.memory import DecoderState, Memory
from model_store.transfers import Fetched, sent

# All memory is there from the start, so that graphs find it where it was. What is longer than this is rare.
MOST_SOURCE_TOKENS, MOST_TARGET_TOKENS = 256, 640


class DeviceBlock:
    """Slots of one beam width, for segments that `takes` lets pass, with one no_repeat_ngram or none."""

    def __init__(
        self,
        backend: Backend,
        vocabulary: Vocabulary,
        *,
        slots: int,
        width: int,
        targets: int,
        no_repeat_ngram: int = 0,
    ) -> None:
        self.backend = backend
        self.vocabulary = vocabulary
        self.width = width
        longest = min(backend.source_capacity, MOST_SOURCE_TOKENS)
        memory, state = backend.empty(1, width)
        self.memory = Memory(*(each[:, :longest].repeat(slots, *[1] * (each.dim() - 1)) for each in _parts(memory)))
        values = memory.values
        self.state = state.rows(torch.zeros(slots * width, dtype=torch.int64, device=values.device))
        # One step more than there are: see Beams.extend.
        self.beams = Beams(
            slots,
            width,
            min(targets, MOST_TARGET_TOKENS) + 1,
            longest if backend.has_attention else None,
            like=values.new_empty(0, dtype=torch.promote_types(values.dtype, torch.float32)),
            weights=torch.float16 if values.dtype.itemsize == 2 else values.dtype,  # of 16 bits the ones for 0 to 1
            search=False,
        )
        self.tokens = torch.full((slots, width), vocabulary.bos, device=values.device)
        self.no_repeat_ngram = no_repeat_ngram
        # What each live hypothesis has written, which takes as many steps to read from the trellis as it has tokens.
        self.written = self.tokens.new_zeros(slots, width, self.beams.token.shape[1] if no_repeat_ngram else 0)
        self.active = torch.zeros(slots, dtype=torch.bool, device=values.device)
        self.repeating = self.active.clone()  # which may repeat themselves
        self.occupants: dict[int, Occupant] = {}  # by slot
        self._begun: dict[int, int] = {}  # the number of the first step of each
        self._free = list(range(slots))
        self._steps = 0
        self._looked: Fetched | None = None  # which slots were active after the last step
        self._leaving: list[tuple[list[Occupant], Fetched]] = []
        self._row = torch.arange(width, device=values.device)
        self._first_row = torch.arange(slots, device=values.device).unsqueeze(1) * width
        self._graphs = StepGraphs(self._advance, slots=slots, longest=longest, device=values.device)

    @staticmethod
    def takes(occupant: Occupant) -> bool:
        """Whether it is short enough, and the host has no part in its steps."""
        longest = occupant.segment.max_length
        return occupant.length <= MOST_SOURCE_TOKENS and longest <= MOST_TARGET_TOKENS and not occupant.guided

    @property
    def held(self) -> int:
        """How many slots are not free."""
        return len(self.occupants)

    @property
    def live(self) -> int:
        """How many segments are here, those whose slot is free and whose result is on its way included."""
        leaving = (occupant for occupants, _results in self._leaving for occupant in occupants)
        return self.held + sum(not occupant.cancelled for occupant in leaving)

    def admit(self, occupants: list[Occupant], memory: Memory, state: DecoderState, sources: list[int]) -> None:
        """Put segments into free slots; `sources` are their rows in the encoded `memory` and `state`."""
        device = self.tokens.device
        chosen = [heappop(self._free) for _each in occupants]
        slots, index = sent(torch.tensor(chosen), device), sent(torch.tensor(sources), device)
        length = max(occupant.length for occupant in occupants)
        for ours, encoded in zip(_parts(self.memory), _parts(memory), strict=True):
            ours[slots, :length] = encoded[:, :length].index_select(0, index)
        self.memory.mask[slots, length:] = False
        rows = (self._first_row[slots] + self._row).flatten()
        self.state.put(state.rows(index.repeat_interleave(self.width)), rows)
        self.tokens.index_fill_(0, slots, self.vocabulary.bos)
        self.beams.put([occupant.segment for occupant in occupants], slots)
        self.active.index_fill_(0, slots, True)
        self.repeating[slots] = sent(torch.tensor([not each.segment.no_repeat_ngram for each in occupants]), device)
        for slot, occupant in zip(chosen, occupants, strict=True):
            self.occupants[slot] = occupant
            self._begun[slot] = self._steps + 1

    def settled(self, ticket: int) -> tuple[int, ...] | None:
        """The tokens that `ticket` is sure to begin with; None if it has no slot here. Waits for the device."""
        slot = self._slot_of(ticket)
        return None if slot is None else self.beams.settled(slot)

    def cancel(self, ticket: int) -> bool:
        """Free the slot of `ticket`, or forget its result; whether it was here."""
        slot = self._slot_of(ticket)
        if slot is not None:
            self.active[slot] = False
            self._leave(slot)
            return True
        for occupants, _results in self._leaving:
            for occupant in occupants:
                if occupant.ticket == ticket:
                    occupant.cancelled = True
                    return True
        return False

    def step(self) -> Finished:
        """One step of every slot; returns what came of the segments that ended two steps ago, by ticket."""
        if self.held:
            self._steps += 1
            longest = max(occupant.length for occupant in self.occupants.values())
            self._graphs.run(max(self.occupants) + 1, longest)
        arriving, self._leaving = self._leaving, []
        looked, self._looked = self._looked, Fetched({"active": self.active}) if self.held else None
        if looked is not None:
            self._let_go(looked.wait()["active"].tolist(), self._steps - 1)
        return [each for occupants, results in arriving for each in self._read(occupants, results)]

    def _advance(self, slots: int, longest: int) -> None:
        """One step of the first slots, whose sources are no longer than `longest`. It waits for nothing."""
        beams, rows = self.beams, slots * self.width
        beams.live = slots
        limit = self.backend.target_limit
        positions = beams.length[:slots] if limit is None else beams.length[:slots].clamp(max=limit - 1)
        feed = self.state.feed
        before = DecoderState(self.state.hidden[:, :, :rows], None if feed is None else feed[:rows])
        (step,) = self.backend.step([Rows(self.tokens[:slots], self.memory.of(slots, longest), before, positions)])
        log_prob = beams.log_prob[:slots]
        lengths = beams.length[:slots].clone()
        best = self._best(step.readout, log_prob, lengths)
        active = self.active[:slots]
        tokens, parents, done = beams.extend(*best, step.weights, self.vocabulary.eos, active=active)
        self.tokens[:slots] = tokens
        if self.no_repeat_ngram:
            written = self.written[:slots].gather(1, parents.unsqueeze(2).expand(-1, -1, self.written.shape[2]))
            at = lengths.view(-1, 1, 1).expand(-1, self.width, 1)
            self.written[:slots] = written.scatter_(2, at, tokens.unsqueeze(2))
        self.state.put(step.state.rows((self._first_row[:slots] + parents).flatten()), slice(rows))
        active.logical_and_(~done)

    def _best(self, readout: Tensor, log_prob: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The best extensions of each slot, none of which repeats what must not be repeated."""
        forbidden, count = self.vocabulary.forbidden, 2 * self.width
        if not self.no_repeat_ngram:
            return self.backend.best_of_all(readout, log_prob, forbidden, count)
        logits = self.backend.logits(readout)
        none = self.vocabulary.bos  # forbidden anyway
        barred = barred_tokens(self.written[: len(lengths)], lengths, self.no_repeat_ngram, none)
        barred = barred.masked_fill(self.repeating[: len(lengths)].view(-1, 1, 1), none)
        logits.scatter_(2, barred, float("-inf"))
        return self.backend.best(logits, log_prob, forbidden, count)

    def _let_go(self, active: Sequence[bool], step: int) -> None:
        """Free the slots that were not active any more after that step, and have what came of them copied."""
        ended = [slot for slot in self.occupants if self._begun[slot] <= step and not active[slot]]
        if not ended:
            return
        slots = sent(torch.tensor(ended), self.tokens.device)
        steps = max(step + 1 - self._begun[slot] for slot in ended)
        longest = max(self.occupants[slot].length for slot in ended)
        results = Fetched(self.beams.of(slots, steps, longest))
        self._leaving.append(([self._leave(slot) for slot in ended], results))

    def _read(self, occupants: Sequence[Occupant], results: Fetched) -> Finished:
        beams = self.beams.on_host(results.wait())
        return [
            (occupant.ticket, beams.hypotheses(place, occupant.segment, self.vocabulary.eos))
            for place, occupant in enumerate(occupants)
            if not occupant.cancelled
        ]

    def _slot_of(self, ticket: int) -> int | None:
        return next((slot for slot, occupant in self.occupants.items() if occupant.ticket == ticket), None)

    def _leave(self, slot: int) -> Occupant:
        heappush(self._free, slot)
        del self._begun[slot]
        return self.occupants.pop(slot)


def _parts(memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
    return memory.keys, memory.values, memory.mask
