"""What the hypotheses of one segment have to write: what they begin with, and terms they must contain.

The beam is shared out among hypotheses by how many tokens of the terms they still lack, so that those which have
written one do not lose to those which have put it off (dynamic beam allocation, Post and Vilar 2018, arXiv 1804.06609).
Where that paper gives each bank a fixed share, here the best of each bank come first, then the second best of each, and
so on, which fills the beam whatever banks there are.

Legend: K beam width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from model_store.decoding.scoring import top_candidates
from model_store.decoding.segment import Segment
from model_store.decoding.spellings import Spellings
from model_store.decoding.terms import Progress, Terms

NEVER = float("-inf")


@dataclass(frozen=True)
class _State:
    """Of a hypothesis. prefix: what of it has still to come."""

    prefix: bytes
    progress: Progress


@dataclass(frozen=True)
class _Candidate:
    """total: log-probability of the extended hypothesis. left: tokens of the terms that it then lacks."""

    total: float
    row: int
    token: int
    left: int


class Demands:
    """Of one segment on its way.

    A step's candidates are the 2K best extensions of its hypotheses, K its own beam; where terms are missing, also the
    best extension of each hypothesis and all that begin a form or go on with it. A hypothesis ends only when it has
    everything, and one that can no longer fit what it lacks into the longest target is dropped, unless all are such.
    """

    def __init__(self, segment: Segment, spellings: Spellings, eos: int) -> None:
        self._terms = Terms(segment.terms, spellings.continuing)
        self._spellings = spellings
        self._eos = eos
        self._max_length = segment.max_length
        self._most = 2 * segment.beam_size
        self._length = 0
        self._states = [_State(segment.prefix, self._terms.start())]

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Each hypothesis from now on: the one it extends, and its token."""
        self._length += 1
        states = self._states
        self._states = [self._after(states[parent], token) for parent, token in zip(parents, tokens, strict=True)]

    def best(self, logits: Tensor, log_prob: Tensor, forbidden: Tensor, candidates: int) -> tuple[Tensor, ...]:
        """As best_extensions of one slot, in the order in which they are to be taken.

        logits: shape = (K, V), overwritten. log_prob: of the hypotheses, shape = (K,). Probabilities are those of the
        network, forbidden ids left out. Returns log-probabilities, hypotheses and tokens, shape = (candidates,).
        """
        totals = torch.log_softmax(logits.index_fill_(1, forbidden, NEVER), dim=1) + log_prob.unsqueeze(1)
        rows = [row for row, total in enumerate(log_prob.tolist()) if total > NEVER]
        for row in rows:
            self._hold(totals[row], self._states[row])
        chosen = self._ranked(self._found(totals, rows))[:candidates]
        values = log_prob.new_full((candidates,), NEVER)
        parents, tokens = torch.zeros((2, candidates), dtype=torch.int64, device=values.device)
        for place, each in enumerate(chosen):
            values[place], parents[place], tokens[place] = totals[each.row, each.token], each.row, each.token
        return values, parents, tokens

    def _after(self, state: _State, token: int) -> _State:
        return _State(self._spellings.left(state.prefix, token), self._terms.after(state.progress, token))

    def _hold(self, totals: Tensor, state: _State) -> None:
        """Take away from a hypothesis what it must not write now."""
        if state.prefix:
            fitting = list(self._spellings.fitting(state.prefix))
            allowed = totals[fitting]
            totals.fill_(NEVER)
            totals[fitting] = allowed
        if self._terms.left(state.progress):
            totals[self._eos] = NEVER

    def _found(self, totals: Tensor, rows: Sequence[int]) -> list[_Candidate]:
        """The candidates of a step, each once."""
        vocabulary = totals.shape[1]
        _values, index = top_candidates(totals.flatten().unsqueeze(0), min(self._most, totals.numel()))
        places = set(index[0].tolist())
        for row in rows:
            if self._terms.left(self._states[row].progress):
                places.add(row * vocabulary + int(totals[row].argmax()))
                places |= {row * vocabulary + token for token in self._terms.wanted(self._states[row].progress)}
        found = []
        for total, place in zip(totals.flatten()[sorted(places)].tolist(), sorted(places), strict=True):
            row, token = divmod(place, vocabulary)
            if total > NEVER:
                after = self._terms.after(self._states[row].progress, token)
                found.append(_Candidate(total, row, token, self._terms.left(after)))
        return found

    def _ranked(self, found: Sequence[_Candidate]) -> list[_Candidate]:
        """Those that are possible, by their place among those that lack as much, then by probability."""
        length = self._length + 1
        possible = [each for each in found if not each.left or length + each.left <= self._max_length] or list(found)
        by_probability = sorted(possible, key=lambda each: (-each.total, each.row, each.token))
        places = {each.left: count() for each in possible}
        placed = [(next(places[each.left]), each) for each in by_probability]
        return [each for _place, each in sorted(placed, key=lambda pair: pair[0])]  # of equals the more probable first
