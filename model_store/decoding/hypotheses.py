"""Beam bookkeeping on tensors: extend, prune, finish, and read hypotheses back from the trellis.

Semantics, for a segment with beam K: each step takes the 2K best extensions of its live hypotheses (ties to the lower
hypothesis, then the lower token id). Those among the first K that end in EOS are finished and set aside; the best K
that do not end live on. The search stops when no live log-probability, divided by the penalty at maximum length, can
beat the K-th finished score, or at maximum length. Beam 1 without length penalty is greedy search. With a prefix or
terms, demands.py says which extensions are taken in which order.

Legend: N slots, n of them in use, K beam width of the block, V vocabulary, T target capacity, S source capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import torch
from torch import Tensor

from model_store.decoding.scoring import length_penalties
from model_store.decoding.segment import Extension, Hypothesis, SearchStep, Segment

NEVER = float("-inf")


class Beams:
    """The beams of up to N slots, each with its own options and length; the first `live` slots are in use.

    log_prob: shape = (N, K), best first but where a segment demands terms, -inf where there is no hypothesis. length:
    tokens written, shape = (N,). enough: finished hypotheses that the search may end with. penalty: by length, shape =
    (N, T + 1). The trellis holds for step t and row k the token chosen and the row it extends, so that nothing is
    copied when beams are reordered; attention of step t is that of the row extended.
    candidate_*: the 2K best extensions of each step that is told to `record` them.
    """

    def __init__(self, slots: int, width: int, targets: int, sources: int, *, attention: bool, like: Tensor) -> None:
        def filled(*shape: int, value: float = 0) -> Tensor:
            return like.new_full(shape, value)

        def integers(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=like.device)

        self.width = width
        self.live = 0
        self._shape = (width, targets, sources, attention)
        self.slot = torch.arange(slots, device=like.device)
        self.log_prob = filled(slots, width, value=NEVER)
        self.length = integers(slots)
        self.token = integers(slots, targets, width)
        self.parent = integers(slots, targets, width)
        self.attention = filled(slots, targets, width, sources) if attention else None
        self.candidate_log_prob = filled(slots, targets, 2 * width)
        self.candidate_token = integers(slots, targets, 2 * width)
        self.candidate_parent = integers(slots, targets, 2 * width)
        self.finished_score = filled(slots, width, value=NEVER)
        self.finished_log_prob = filled(slots, width, value=NEVER)
        self.finished_step = integers(slots, width)
        self.finished_parent = integers(slots, width)
        self.beam = torch.ones(slots, dtype=torch.int64, device=like.device)
        self.enough = torch.ones(slots, dtype=torch.int64, device=like.device)
        self.penalty = filled(slots, targets + 1, value=1)
        self.max_length = torch.ones(slots, dtype=torch.int64, device=like.device)

    def grow(self, slots: int) -> None:
        """Add free slots."""
        width, targets, sources, attention = self._shape
        more = vars(Beams(slots, width, targets, sources, attention=attention, like=self.log_prob))
        for name, tensor in list(vars(self).items()):
            if isinstance(tensor, Tensor):
                setattr(self, name, torch.cat((tensor, more[name])))
        self.slot = torch.arange(len(self.slot), device=self.slot.device)

    def start(self, segment: Segment) -> None:
        """Begin a segment, in the first free slot: one empty hypothesis."""
        slot, self.live = self.live, self.live + 1
        self.log_prob[slot] = NEVER
        self.log_prob[slot, 0] = 0.0
        self.length[slot] = 0
        self.finished_score[slot] = NEVER
        self.finished_log_prob[slot] = NEVER
        self.beam[slot] = segment.beam_size
        self.enough[slot] = segment.n_best if segment.terms else segment.beam_size
        penalties = length_penalties(segment.length_penalty, self.penalty.shape[1] - 1)
        self.penalty[slot] = torch.tensor(penalties, dtype=self.penalty.dtype)
        self.max_length[slot] = segment.max_length

    def stop(self, slot: int) -> None:
        """Free a slot; the last one in use takes its place."""
        self.live -= 1
        if slot != self.live:
            for name, tensor in vars(self).items():
                if isinstance(tensor, Tensor) and name != "slot":
                    tensor[slot] = tensor[self.live]

    def extend(
        self, values: Tensor, parent: Tensor, token: Tensor, weights: Tensor | None, eos: int, *, record: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of the n slots in use.

        values, parent, token: the best extensions, as best_extensions gives them, shape = (n, 2K). weights: attention,
        shape = (n, K, S'), S' <= S. record: whether some segment wants its search.

        Returns the tokens chosen and the rows they extend, int64, shape = (n, K), and which slots are done, bool,
        shape = (n,).
        """
        used = slice(self.live)
        step = self.length[used].clone()
        self.length[used] += 1

        if record:
            self.candidate_log_prob[self.slot[used], step] = values
            self.candidate_token[self.slot[used], step] = token
            self.candidate_parent[self.slot[used], step] = parent
        ended = token == eos
        self._finish(values, parent, ended, step)
        rank = torch.arange(2 * self.width, device=values.device)
        going_on = torch.where(ended, rank + 2 * self.width, rank).argsort(dim=1)[:, : self.width]  # (n, K)
        parent, token = parent.gather(1, going_on), token.gather(1, going_on)
        in_beam = rank[: self.width] < self.beam[used].unsqueeze(1)
        self.log_prob[used] = values.gather(1, going_on).masked_fill(~in_beam, NEVER)

        slot = self.slot[used]
        self.token[slot, step] = token
        self.parent[slot, step] = parent
        if self.attention is not None and weights is not None:
            self.attention[slot, step, :, : weights.shape[2]] = weights
        return token, parent, self._done()

    def _finish(self, values: Tensor, parent: Tensor, ended: Tensor, step: Tensor) -> None:
        """Set aside those of the 2K candidates that are finished; values, parent, ended: shape = (n, 2K)."""
        used = slice(self.live)
        rank = torch.arange(values.shape[1], device=values.device)
        accepted = ended & (rank < self.beam[used].unsqueeze(1)) & (values > NEVER)
        scores = (values / self._penalty_at(self.length)).masked_fill(~accepted, NEVER)
        pool = torch.cat((self.finished_score[used], scores), dim=1)
        # Stable: among equals the one finished earlier, then the lower candidate, comes first.
        ordered, kept = (part[:, : self.width] for part in pool.sort(dim=1, descending=True, stable=True))
        self.finished_score[used] = ordered
        for column, new in (
            (self.finished_log_prob, values),
            (self.finished_step, step.unsqueeze(1).expand_as(parent)),
            (self.finished_parent, parent),
        ):
            column[used] = torch.cat((column[used], new), dim=1).gather(1, kept)

    def _done(self) -> Tensor:
        """Which slots in use can stop, shape = (n,)."""
        used = slice(self.live)
        best_live = self.log_prob[used].amax(dim=1)
        reachable = best_live / self._penalty_at(self.max_length).squeeze(1)
        kth_finished = self.finished_score[used].gather(1, (self.enough[used] - 1).unsqueeze(1)).squeeze(1)
        decided = (reachable <= kth_finished) | (best_live == NEVER)
        return decided | (self.length[used] >= self.max_length[used])

    def _penalty_at(self, length: Tensor) -> Tensor:
        """Of each slot in use at its `length`, shape = (n, 1)."""
        return self.penalty[: self.live].gather(1, length[: self.live].unsqueeze(1))

    def hypotheses(self, slot: int, segment: Segment, eos: int) -> tuple[Hypothesis, ...]:
        """The n best of a slot that is done: finished ones by score, then, if too few, unfinished ones by score."""
        length = int(self.length[slot])
        trellis = _Trellis(
            self.token[slot, :length].tolist(),
            self.parent[slot, :length].tolist(),
            None if self.attention is None else self.attention[slot, :, :, : len(segment.source)],
            want_attention=segment.want_attention,
        )
        finished = [
            _End(step, row, log_prob, score, finished=True)
            for step, row, log_prob, score in zip(
                self.finished_step[slot].tolist(),
                self.finished_parent[slot].tolist(),
                self.finished_log_prob[slot].tolist(),
                self.finished_score[slot].tolist(),
                strict=True,
            )
            if score > NEVER
        ]
        penalty = float(self.penalty[slot, length])
        live = [
            _End(length, row, log_prob, log_prob / penalty, finished=False)
            for row, log_prob in enumerate(self.log_prob[slot].tolist())
            if log_prob > NEVER
        ]
        live.sort(key=lambda end: -end.log_prob)
        found = [trellis.read(end) for end in (finished + live)[: segment.n_best]]
        if segment.want_search:
            found[0] = replace(found[0], search=self._search(slot, segment, eos))
        return tuple(found)

    def settled(self, slot: int) -> tuple[int, ...]:
        """The tokens that every hypothesis of a slot begins with, live or finished: whatever comes of it will too."""
        length = int(self.length[slot])
        tokens, parents = self.token[slot, :length].tolist(), self.parent[slot, :length].tolist()
        trellis = _Trellis(tokens, parents, None, want_attention=False)
        ends = [(length, row) for row, total in enumerate(self.log_prob[slot].tolist()) if total > NEVER]
        finished = zip(self.finished_step[slot].tolist(), self.finished_parent[slot].tolist(), strict=True)
        ends += [end for end, score in zip(finished, self.finished_score[slot].tolist(), strict=True) if score > NEVER]
        paths = [tuple(token for token, _row in trellis.path(step, row)) for step, row in ends]
        same = takewhile(lambda tokens: len(set(tokens)) == 1, zip(*paths, strict=False))
        return tuple(tokens[0] for tokens in same)

    def _search(self, slot: int, segment: Segment, eos: int) -> tuple[SearchStep, ...]:
        """What was recorded of a slot."""
        length = int(self.length[slot])
        columns = (self.candidate_token, self.candidate_parent, self.candidate_log_prob)
        recorded = zip(*(column[slot, :length].tolist() for column in columns), strict=True)  # a step at a time
        penalties = self.penalty[slot, 1 : length + 1].tolist()
        return tuple(
            search_step(
                [Extension(token, row, total, total / penalty) for token, row, total in zip(*step, strict=True)],
                segment.beam_size,
                eos,
            )
            for step, penalty in zip(recorded, penalties, strict=True)
        )


def search_step(candidates: Sequence[Extension], beam: int, eos: int) -> SearchStep:
    """What becomes of the candidates of one step, best first."""
    possible = [each for each in candidates if each.log_prob > NEVER]
    return SearchStep(
        live=tuple([each for each in possible if each.token != eos][:beam]),
        finished=tuple(each for each in possible[:beam] if each.token == eos),
    )


@dataclass(frozen=True)
class _End:
    """Where a hypothesis of `steps` tokens ends."""

    steps: int
    row: int
    log_prob: float
    score: float
    finished: bool


class _Trellis:
    """Backtracking through the choices of one slot. tokens, parents: [step][row]. attention: shape = (T, K, S)."""

    def __init__(
        self, tokens: list[list[int]], parents: list[list[int]], attention: Tensor | None, *, want_attention: bool
    ) -> None:
        self.tokens = tokens
        self.parents = parents
        self.attention = attention
        self.want_attention = want_attention

    def read(self, end: _End) -> Hypothesis:
        """The hypothesis that ends there."""
        path = self.path(end.steps, end.row)
        tokens = tuple(token for token, _row in path)
        if self.attention is None:
            return Hypothesis(tokens, end.log_prob, end.score, end.finished)
        rows = torch.tensor([row for _token, row in path], dtype=torch.int64)
        weights = self.attention[torch.arange(end.steps), rows]  # (steps, S)
        alignment = tuple(weights.argmax(dim=1).tolist()) if end.steps else ()
        kept = weights.float().cpu().clone() if self.want_attention else None
        return Hypothesis(tokens, end.log_prob, end.score, end.finished, alignment, kept)

    def path(self, steps: int, row: int) -> list[tuple[int, int]]:
        """The tokens of the hypothesis of `steps` tokens that ends in `row`, each with the row that it extended."""
        path: list[tuple[int, int]] = []
        for step in reversed(range(steps)):
            parent = self.parents[step][row]
            path.append((self.tokens[step][row], parent))
            row = parent
        return path[::-1]
