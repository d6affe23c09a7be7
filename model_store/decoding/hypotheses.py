"""Beam bookkeeping on tensors: extend, prune, finish, and read hypotheses back from the trellis.

Semantics, for a segment with beam K: each step takes the 2K best extensions of its live hypotheses (ties to the lower
hypothesis, then the lower token id). Those among the first K that end in EOS are finished and set aside; the best K
that do not end live on. The search stops when no live log-probability, divided by the penalty at maximum length, can
beat the K-th finished score, or at maximum length. Beam 1 without length penalty is greedy search.

Legend: N slots, K beam width of the block, V vocabulary, T target capacity, S source capacity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from model_store.decoding.scoring import length_penalty, top_candidates
from model_store.decoding.segment import Extension, Hypothesis, SearchStep, Segment

NEVER = float("-inf")


class Beams:
    """The beams of N slots, each with its own options and length.

    log_prob: shape = (N, K), best first, -inf where there is no hypothesis. length: tokens written, shape = (N,).
    The trellis holds for step t and row k the token chosen and the row it extends, so that nothing is copied when beams
    are reordered; attention of step t is that of the row extended. candidate_*: the 2K best extensions of each step
    that is told to `record` them.
    """

    def __init__(self, slots: int, width: int, targets: int, sources: int, *, attention: bool, like: Tensor) -> None:
        def filled(*shape: int, value: float = 0) -> Tensor:
            return like.new_full(shape, value)

        def integers(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=like.device)

        self.width = width
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
        self.alpha = filled(slots)
        self.max_length = torch.ones(slots, dtype=torch.int64, device=like.device)
        self.live = torch.zeros(slots, dtype=torch.bool, device=like.device)

    def start(self, slot: int, segment: Segment) -> None:
        """Begin a segment in a slot: one empty hypothesis."""
        self.log_prob[slot] = NEVER
        self.log_prob[slot, 0] = 0.0
        self.length[slot] = 0
        self.finished_score[slot] = NEVER
        self.finished_log_prob[slot] = NEVER
        self.beam[slot] = segment.beam_size
        self.alpha[slot] = segment.length_penalty
        self.max_length[slot] = segment.max_length
        self.live[slot] = True

    def stop(self, slot: int) -> None:
        """Free a slot."""
        self.live[slot] = False

    def extend(
        self, log_probs: Tensor, weights: Tensor | None, eos: int, *, record: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of every slot.

        log_probs: of the next token, shape = (N, K, V). weights: attention, shape = (N, K, S). record: whether some
        segment wants its search.

        Returns the tokens chosen and the rows they extend, int64, shape = (N, K), and which slots are done, bool,
        shape = (N,).
        """
        vocabulary = log_probs.shape[2]
        # An idle slot keeps one harmless hypothesis, so that its values stay finite.
        idle = (~self.live).unsqueeze(1)
        self.log_prob.masked_fill_(idle, NEVER)[:, 0].masked_fill_(~self.live, 0.0)
        totals = self.log_prob.unsqueeze(2) + log_probs  # (N, K, V)
        values, index = top_candidates(totals.flatten(1), 2 * self.width)
        parent, token = index // vocabulary, index % vocabulary  # (N, 2K)
        step = torch.where(self.live, self.length, 0)
        self.length = step + 1

        if record:
            self.candidate_log_prob[self.slot, step] = values
            self.candidate_token[self.slot, step] = token
            self.candidate_parent[self.slot, step] = parent
        ended = token == eos
        self._finish(values, parent, ended, step)
        rank = torch.arange(2 * self.width, device=values.device)
        going_on = torch.where(ended, rank + 2 * self.width, rank).argsort(dim=1)[:, : self.width]  # (N, K)
        parent, token = parent.gather(1, going_on), token.gather(1, going_on)
        in_beam = rank[: self.width] < self.beam.unsqueeze(1)
        self.log_prob = values.gather(1, going_on).masked_fill(~in_beam, NEVER)

        self.token[self.slot, step] = token
        self.parent[self.slot, step] = parent
        if self.attention is not None and weights is not None:
            self.attention[self.slot, step] = weights
        return token, parent, self._done()

    def _finish(self, values: Tensor, parent: Tensor, ended: Tensor, step: Tensor) -> None:
        """Set aside those of the 2K candidates that are finished; values, parent, ended: shape = (N, 2K)."""
        rank = torch.arange(values.shape[1], device=values.device)
        accepted = ended & (rank < self.beam.unsqueeze(1)) & (values > NEVER)
        scores = values / length_penalty(self.length, self.alpha).unsqueeze(1)
        pool = torch.cat((self.finished_score, scores.masked_fill(~accepted, NEVER)), dim=1)
        # Stable: among equals the one finished earlier, then the lower candidate, comes first.
        self.finished_score, kept = (part[:, : self.width] for part in pool.sort(dim=1, descending=True, stable=True))
        self.finished_log_prob = torch.cat((self.finished_log_prob, values), dim=1).gather(1, kept)
        self.finished_step = torch.cat((self.finished_step, step.unsqueeze(1).expand_as(parent)), dim=1).gather(1, kept)
        self.finished_parent = torch.cat((self.finished_parent, parent), dim=1).gather(1, kept)

    def _done(self) -> Tensor:
        """Which live slots can stop, shape = (N,)."""
        best_live = self.log_prob[:, 0]
        reachable = best_live / length_penalty(self.max_length, self.alpha)
        kth_finished = self.finished_score.gather(1, (self.beam - 1).unsqueeze(1)).squeeze(1)
        decided = (reachable <= kth_finished) | (best_live == NEVER)
        return self.live & (decided | (self.length >= self.max_length))

    def hypotheses(self, slot: int, segment: Segment, eos: int) -> tuple[Hypothesis, ...]:
        """The n best of a slot that is done: finished ones by score, then, if too few, unfinished ones by score."""
        trellis = _Trellis(
            self.token[slot].tolist(),
            self.parent[slot].tolist(),
            None if self.attention is None else self.attention[slot, :, :, : len(segment.source)],
            want_attention=segment.want_attention,
        )
        found = [
            trellis.read(step, row, log_prob, score, finished=True)
            for score, log_prob, step, row in zip(
                self.finished_score[slot].tolist(),
                self.finished_log_prob[slot].tolist(),
                self.finished_step[slot].tolist(),
                self.finished_parent[slot].tolist(),
                strict=True,
            )
            if score > NEVER
        ]
        length = int(self.length[slot])
        penalty = float(length_penalty(self.length[slot], self.alpha[slot]))
        found += [
            trellis.read(length, row, log_prob, log_prob / penalty, finished=False)
            for row, log_prob in enumerate(self.log_prob[slot].tolist())
            if log_prob > NEVER
        ]
        if segment.want_search:
            found[0] = replace(found[0], search=self._search(slot, segment, eos))
        return tuple(found[: segment.n_best])

    def _search(self, slot: int, segment: Segment, eos: int) -> tuple[SearchStep, ...]:
        """What was recorded of a slot."""
        length = int(self.length[slot])
        columns = (self.candidate_token, self.candidate_parent, self.candidate_log_prob)
        recorded = zip(*(column[slot, :length].tolist() for column in columns), strict=True)  # a step at a time
        penalties = length_penalty(torch.arange(1, length + 1, device=self.alpha.device), self.alpha[slot]).tolist()
        return tuple(
            search_step(
                [Extension(token, row, total, total / penalty) for token, row, total in zip(*step, strict=True)],
                segment.beam_size,
                eos,
            )
            for step, penalty in zip(recorded, penalties, strict=True)
        )

    def copy_slot(self, slot: int, other: Beams, target: int) -> None:
        """Copy a slot into slot `target` of `other`, whose blocks are of the same shape."""
        for name, tensor in vars(self).items():
            if isinstance(tensor, Tensor) and name != "slot":
                getattr(other, name)[target] = tensor[slot]


def search_step(candidates: Sequence[Extension], beam: int, eos: int) -> SearchStep:
    """What becomes of the candidates of one step, best first."""
    possible = [each for each in candidates if each.log_prob > NEVER]
    return SearchStep(
        live=tuple([each for each in possible if each.token != eos][:beam]),
        finished=tuple(each for each in possible[:beam] if each.token == eos),
    )


class _Trellis:
    """Backtracking through the choices of one slot. tokens, parents: [step][row]. attention: shape = (T, K, S)."""

    def __init__(
        self, tokens: list[list[int]], parents: list[list[int]], attention: Tensor | None, *, want_attention: bool
    ) -> None:
        self.tokens = tokens
        self.parents = parents
        self.attention = attention
        self.want_attention = want_attention

    def read(self, steps: int, row: int, log_prob: float, score: float, *, finished: bool) -> Hypothesis:
        """The hypothesis of `steps` tokens that ends in `row`."""
        path: list[tuple[int, int]] = []  # (token, the row it extended), last first
        for step in reversed(range(steps)):
            parent = self.parents[step][row]
            path.append((self.tokens[step][row], parent))
            row = parent
        path.reverse()
        tokens = tuple(token for token, _row in path)
        if self.attention is None:
            return Hypothesis(tokens, log_prob, score, finished)
        rows = torch.tensor([row for _token, row in path], dtype=torch.int64)
        weights = self.attention[torch.arange(steps), rows]  # (steps, S)
        alignment = tuple(weights.argmax(dim=1).tolist()) if steps else ()
        kept = weights.float().cpu().clone() if self.want_attention else None
        return Hypothesis(tokens, log_prob, score, finished, alignment, kept)
