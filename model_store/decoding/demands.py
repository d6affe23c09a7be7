"""What the hypotheses of one segment have to write: what they begin with, and terms they must contain.

The beam is shared out among hypotheses by how much of the terms they still lack, so that those which have
written one do not lose to those which have put it off (dynamic beam allocation, Post and Vilar 2018, arXiv 1804.06609).
Where that paper gives each bank a fixed share, here the best of each bank come first, then the second best of each, and
so on, which fills the beam whatever banks there are. A term that is written where the attention says that its source is
translated costs what the network's own best choice costs there (the idea of attention-guided placement: Hasler et al.
2018, arXiv 1805.03750); so terms come to stand in their place, not wherever they are least improbable. With all of the
attention there the two are equal, and a thousandth that is missing is left to rounding: without that, the last bit of a
sum of attention would decide between them.

A prefix is given, not found: hypotheses are judged by what follows it. So until one has written all of it, the best
extension of each step counts as certain, and the others as much less probable than it as they are. With the prefix
itself in the balance, the length penalty would have an improbable one made up for by writing on and on.

Legend: K beam width, V vocabulary, S source positions.
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
    """total: log-probability of the extended hypothesis. left: tokens of the terms that it then lacks. bank: how far it
    is with them."""

    total: float
    row: int
    token: int
    left: int
    bank: tuple[int, int]


class Demands:
    """Of one segment on its way.

    A step's candidates are the 2K best extensions of its hypotheses, K its own beam; where terms are missing, also the
    best extension of each hypothesis and all that begin a form or go on with it. A hypothesis ends only when it has
    everything, and one that can no longer fit what it lacks into the longest target is dropped, unless all are such.

    met: every hypothesis has the prefix, and nothing else was demanded: the search goes on as any other.
    looked: how many bytes of the prefix all steps up to now follow from, whatever is behind them. parting: the next
    step is the first that also follows from where the prefix ends.
    """

    def __init__(self, segment: Segment, spellings: Spellings, eos: int) -> None:
        self._terms = Terms(segment.terms, spellings.continuing)
        self._spellings = spellings
        self._eos = eos
        self._max_length = segment.max_length
        self._beam = segment.beam_size
        self._length = 0
        self._states = [_State(segment.prefix, self._terms.start())]
        self._prefix = segment.prefix
        self._only_prefix = not segment.terms
        self.met = False
        self.looked = 0
        self.parting = False
        self._ahead = self._look_ahead()

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Each hypothesis from now on: the one it extends, and its token."""
        if self.met:
            return
        self._length += 1
        states = self._states
        self._states = [self._after(states[parent], token) for parent, token in zip(parents, tokens, strict=True)]
        self.met = self._only_prefix and not any(state.prefix for state in self._states)
        self.parting = False
        if self._ahead is not None:
            self.looked = self._ahead
            self._ahead = self._look_ahead()
            self.parting = self._ahead is None

    def prefix_left(self, row: int) -> bool:
        """Whether a hypothesis has some of the prefix still to write."""
        return bool(self._states[row].prefix)

    def best(
        self, logits: Tensor, log_prob: Tensor, weights: Tensor | None, forbidden: Tensor, candidates: int
    ) -> tuple[Tensor, ...]:
        """As best_extensions of one slot, in the order in which they are to be taken.

        logits: shape = (K, V), overwritten. log_prob: of the hypotheses, shape = (K,). weights: their attention in this
        step, shape = (K, S). Probabilities are those of the network, forbidden ids left out, but for terms in their
        place, and relative to the best while all have some of the prefix left. Returns log-probabilities, hypotheses
        and tokens, shape = (candidates,).
        """
        totals = torch.log_softmax(logits.index_fill_(1, forbidden, NEVER), dim=1) + log_prob.unsqueeze(1)
        rows = [row for row, total in enumerate(log_prob.tolist()) if total > NEVER]
        for row in rows:
            self._hold(totals[row], self._states[row])
        attention = None if weights is None or not self._terms.near else weights.tolist()
        chosen = self._ranked(self._found(totals, rows, attention))
        given = all(self._states[row].prefix for row in rows)
        free = max((each.total for each in chosen), default=0.0) if given else 0.0
        values = log_prob.new_full((candidates,), NEVER)
        parents, tokens = torch.zeros((2, candidates), dtype=torch.int64, device=values.device)
        for place, each in enumerate(chosen[:candidates]):
            values[place], parents[place], tokens[place] = each.total - free, each.row, each.token
        return values, parents, tokens

    def _look_ahead(self) -> int | None:
        """What `looked` will be after the next step; None if that follows from more. Rows where there is no hypothesis
        can only make it more cautious."""
        if not self._only_prefix:
            return None
        ends = [self.looked]
        for state in self._states[: self._beam]:
            looked = self._spellings.fitting(state.prefix).looked
            if looked is None:
                return None
            ends.append(len(self._prefix) - len(state.prefix) + looked)
        return max(ends)

    def _after(self, state: _State, token: int) -> _State:
        return _State(self._spellings.left(state.prefix, token), self._terms.after(state.progress, token))

    def _hold(self, totals: Tensor, state: _State) -> None:
        """Take away from a hypothesis what it must not write now."""
        if state.prefix:
            fitting = list(self._spellings.fitting(state.prefix).ids)
            allowed = totals[fitting]
            totals.fill_(NEVER)
            totals[fitting] = allowed
        if self._terms.left(state.progress):
            totals[self._eos] = NEVER

    def _found(
        self, totals: Tensor, rows: Sequence[int], attention: Sequence[Sequence[float]] | None
    ) -> list[_Candidate]:
        """The candidates of a step, each once."""
        vocabulary = totals.shape[1]
        best, index = top_candidates(totals.flatten().unsqueeze(0), min(2 * self._beam, totals.numel()))
        found = dict(zip(index[0].tolist(), best[0].tolist(), strict=True))
        for row in rows:
            progress = self._states[row].progress
            if not self._terms.left(progress):
                continue
            own = int(totals[row].argmax())
            most = float(totals[row, own])
            found.setdefault(row * vocabulary + own, most)
            for token, here in self._terms.wanted(progress, attention[row] if attention else ()).items():
                total = float(totals[row, token])
                if total > NEVER:
                    found[row * vocabulary + token] = most - (1 - here) * (most - total)
        return [self._candidate(total, *divmod(place, vocabulary)) for place, total in found.items() if total > NEVER]

    def _candidate(self, total: float, row: int, token: int) -> _Candidate:
        after = self._terms.after(self._states[row].progress, token)
        return _Candidate(total, row, token, self._terms.left(after), self._terms.bank(after))

    def _ranked(self, found: Sequence[_Candidate]) -> list[_Candidate]:
        """Those that are possible, by their place in their bank, then by probability."""
        length = self._length + 1
        possible = [each for each in found if not each.left or length + each.left <= self._max_length] or list(found)
        by_probability = sorted(possible, key=lambda each: (-each.total, each.row, each.token))
        places = {each.bank: count() for each in possible}
        placed = [(next(places[each.bank]), each) for each in by_probability]
        return [each for _place, each in sorted(placed, key=lambda pair: pair[0])]  # of equals the more probable first
