"""Beam bookkeeping on tensors: extend, prune, finish, and read hypotheses back from the trellis.

Semantics, for a segment with beam K: each step takes the 2K best extensions of its live hypotheses (ties to the lower
hypothesis, then the lower token id). Those among the first K that end in EOS are finished and set aside, but for an
empty target less probable than least_empty; the best K that do not end live on, unless they are further behind the best
of them than the segment's pruning. The search stops when no live log-probability, divided by the penalty of the
greatest length that it may yet reach within the segment's horizon, can beat the n-th best finished score, where n
results are searched for; or at maximum length. A horizon up to maximum length proves that a longer search would have
the same results. Beam 1 without length penalty is greedy search. With a prefix or terms, demands.py says what is taken.

Legend: N slots, n of them in use, K beam width of the block, V vocabulary, T target capacity, S source capacity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from itertools import takewhile

import torch
from torch import Tensor

from model_store.decoding.scoring import length_penalties
from model_store.decoding.segment import Extension, Hypothesis, SearchStep, Segment
from model_store.decoding.trellis import NEVER, End, Trellis, search_step
from model_store.transfers import sent

_READ = ("log_prob", "length", "penalty", "finished_score", "finished_log_prob", "finished_step", "finished_parent")


class Beams:
    """The beams of up to N slots, each with its own options and length; the first `live` slots are in use.

    log_prob: shape = (N, K), best first but where a segment demands terms, -inf where there is no hypothesis. length:
    tokens written, wanted: results, horizon: tokens, pruning: nats, least_empty: probability, each of shape = (N,).
    penalty: by length, shape = (N, T + 1). The trellis holds for step t and row k the token chosen and the row that it
    extends, so that nothing is copied when beams are reordered; attention of step t is that of the row extended.
    candidate_*: the 2K best extensions of each step that is told to `record` them.

    sources: S; None without attention. like: of its type and device are probabilities. weights: the type of
    attention's. search: whether steps may be recorded.
    """

    def __init__(
        self,
        slots: int,
        width: int,
        targets: int,
        sources: int | None,
        *,
        like: Tensor,
        weights: torch.dtype | None = None,
        search: bool = True,
    ) -> None:
        def filled(*shape: int, value: float = 0) -> Tensor:
            return like.new_full(shape, value)

        def integers(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=torch.int64, device=like.device)

        self.width = width
        self.live = 0
        self._more = partial(
            Beams, width=width, targets=targets, sources=sources, like=like, weights=weights, search=search
        )
        self.slot = torch.arange(slots, device=like.device)
        self.log_prob = filled(slots, width, value=NEVER)
        self.length = integers(slots)
        self.token = integers(slots, targets, width)
        self.parent = integers(slots, targets, width)
        attention = None if sources is None else like.new_zeros(slots, targets, width, sources, dtype=weights)
        self.attention = attention
        recorded = (slots, targets if search else 0, 2 * width)
        self.candidate_log_prob = filled(*recorded)
        self.candidate_token = integers(*recorded)
        self.candidate_parent = integers(*recorded)
        self.finished_score = filled(slots, width, value=NEVER)
        self.finished_log_prob = filled(slots, width, value=NEVER)
        self.finished_step = integers(slots, width)
        self.finished_parent = integers(slots, width)
        self.beam = torch.ones(slots, dtype=torch.int64, device=like.device)
        self.wanted = torch.ones(slots, dtype=torch.int64, device=like.device)
        self.horizon = integers(slots)
        self.pruning, self.least_empty = filled(slots), filled(slots)
        self.penalty = filled(slots, targets + 1, value=1)
        self.max_length = torch.ones(slots, dtype=torch.int64, device=like.device)

    def grow(self, slots: int) -> None:
        """Add free slots."""
        more = vars(self._more(slots))
        for name, tensor in list(vars(self).items()):
            if isinstance(tensor, Tensor):
                setattr(self, name, torch.cat((tensor, more[name])))
        self.slot = torch.arange(len(self.slot), device=self.slot.device)

    def start(self, segments: Sequence[Segment]) -> None:
        """Begin segments, in the first free slots: one empty hypothesis each."""
        first, self.live = self.live, self.live + len(segments)
        self.put(segments, self.slot[first : self.live])

    def put(self, segments: Sequence[Segment], slots: Tensor) -> None:
        """Begin segments in these slots, int64; which are in use is the caller's to know."""

        def set_each(column: Tensor, values: Sequence[float]) -> None:
            column[slots] = sent(torch.tensor(values, dtype=column.dtype), slots.device)

        self.log_prob.index_fill_(0, slots, NEVER)[:, 0].index_fill_(0, slots, 0.0)
        self.length.index_fill_(0, slots, 0)
        self.finished_score.index_fill_(0, slots, NEVER)
        self.finished_log_prob.index_fill_(0, slots, NEVER)
        set_each(self.beam, [each.beam_size for each in segments])
        set_each(self.wanted, [each.searched for each in segments])
        set_each(self.horizon, [each.horizon for each in segments])
        set_each(self.pruning, [each.pruning for each in segments])
        set_each(self.max_length, [each.max_length for each in segments])
        set_each(self.least_empty, [each.least_empty for each in segments])
        penalties = [length_penalties(each.length_penalty, self.penalty.shape[1] - 1) for each in segments]
        self.penalty[slots] = sent(torch.tensor(penalties, dtype=self.penalty.dtype), slots.device)

    def resume(self, slot: int, columns: Mapping[str, Tensor]) -> None:
        """Let a slot that has just begun be where the one was that `of` copied, no hypothesis of which had finished."""
        steps = columns["token"].shape[1]
        self.length[slot] = steps
        self.log_prob[slot] = columns["log_prob"][0]
        self.token[slot, :steps], self.parent[slot, :steps] = columns["token"][0], columns["parent"][0]
        if self.attention is not None:
            weights = columns["attention"][0]  # (T, K, S)
            self.attention[slot, :steps, :, : weights.shape[2]] = weights

    def stop(self, slot: int) -> None:
        """Free a slot; the last one in use takes its place."""
        self.live -= 1
        if slot != self.live:
            for name, tensor in vars(self).items():
                if isinstance(tensor, Tensor) and name != "slot":
                    tensor[slot] = tensor[self.live]

    def extend(
        self,
        values: Tensor,
        parent: Tensor,
        token: Tensor,
        weights: Tensor | None,
        eos: int,
        *,
        record: bool = False,
        active: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of the n slots in use.

        values, parent, token: the best extensions, as best_extensions gives them, shape = (n, 2K). weights: attention,
        shape = (n, K, S'), S' <= S. record: whether some segment wants its search. active: bool, shape = (n,); a slot
        that is not stays as it is, and what would be written of it goes to the last of the T steps, which no segment
        may reach then. None if all are.

        Returns the tokens chosen and the rows they extend, int64, shape = (n, K), and which slots are done, bool,
        shape = (n,).
        """
        used = slice(self.live)
        step = self.length[used].clone()
        self.length[used] += 1 if active is None else active
        if active is not None:
            step = step.where(active, self.token.shape[1] - 1)

        if record:
            self.candidate_log_prob[self.slot[used], step] = values
            self.candidate_token[self.slot[used], step] = token
            self.candidate_parent[self.slot[used], step] = parent
        rank = torch.arange(2 * self.width, device=values.device)
        ended = token == eos
        if active is not None or ended.any():  # else, where the host need not wait for the answer, the first K live on
            of_active = ended if active is None else ended & active.unsqueeze(1)
            self._finish(values, parent, of_active, step)
            going_on = torch.where(ended, rank + 2 * self.width, rank).argsort(dim=1)  # (n, 2K)
            values, parent, token = (each.gather(1, going_on) for each in (values, parent, token))
        values, parent, token = (each[:, : self.width] for each in (values, parent, token))
        in_beam = rank[: self.width] < self.beam[used].unsqueeze(1)
        live = values.masked_fill(~in_beam, NEVER)
        least = live.amax(dim=1, keepdim=True) - self.pruning[used].unsqueeze(1)
        live = live.masked_fill(live < least, NEVER)
        self.log_prob[used] = live if active is None else live.where(active.unsqueeze(1), self.log_prob[used])

        slot = self.slot[used]
        self.token[slot, step] = token
        self.parent[slot, step] = parent
        if self.attention is not None and weights is not None:
            self.attention[slot, step, :, : weights.shape[2]] = weights.to(self.attention.dtype)
        return token, parent, self._done()

    def _finish(self, values: Tensor, parent: Tensor, ended: Tensor, step: Tensor) -> None:
        """Set aside those of the 2K candidates that are finished; values, parent, ended: shape = (n, 2K)."""
        used = slice(self.live)
        rank = torch.arange(values.shape[1], device=values.device)
        accepted = ended & (rank < self.beam[used].unsqueeze(1)) & (values > NEVER)
        accepted &= (step.unsqueeze(1) > 0) | (values.exp() >= self.least_empty[used].unsqueeze(1))
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
        longest = torch.minimum(self.length + self.horizon, self.max_length)
        reachable = best_live / self._penalty_at(longest).squeeze(1)
        nth_finished = self.finished_score[used].gather(1, (self.wanted[used] - 1).unsqueeze(1)).squeeze(1)
        decided = (reachable <= nth_finished) | (best_live == NEVER)
        return decided | (self.length[used] >= self.max_length[used])

    def _penalty_at(self, length: Tensor) -> Tensor:
        """Of each slot in use at its `length`, of shape (N,); shape = (n, 1)."""
        return self.penalty[: self.live].gather(1, length[: self.live].unsqueeze(1))

    def of(self, slots: Tensor, steps: int, longest: int) -> dict[str, Tensor]:
        """What `hypotheses` reads of these slots, no target of which has more than `steps` tokens, and no source more
        than `longest`: a copy, to make `on_host`."""
        columns = {name: getattr(self, name).index_select(0, slots) for name in _READ}
        columns |= {name: getattr(self, name)[:, :steps].index_select(0, slots) for name in ("token", "parent")}
        if self.attention is not None:
            columns["attention"] = self.attention[:, :steps, :, :longest].index_select(0, slots)
        return columns

    def on_host(self, columns: Mapping[str, Tensor]) -> Beams:
        """The beams that `of` copied, in the order they were named, to read hypotheses from."""
        beams = copy(self)
        vars(beams).update(columns)
        return beams

    def hypotheses(self, slot: int, segment: Segment, eos: int) -> tuple[Hypothesis, ...]:
        """The n best of a slot that is done, or as many as its beam has where they are to be ranked by a channel:
        finished ones by score, then, if too few, unfinished ones by score. Empty if there was nothing that it may
        write, or what the network computed are no numbers.
        """
        length = int(self.length[slot])
        trellis = Trellis(
            self.token[slot, :length].tolist(),
            self.parent[slot, :length].tolist(),
            None if self.attention is None else self.attention[slot, :, :, : len(segment.source)],
            want_attention=segment.want_attention,
        )
        finished = [
            End(step, row, log_prob, score, finished=True)
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
            End(length, row, log_prob, log_prob / penalty, finished=False)
            for row, log_prob in enumerate(self.log_prob[slot].tolist())
            if log_prob > NEVER
        ]
        live.sort(key=lambda end: -end.log_prob)
        found = [trellis.read(end) for end in (finished + live)[: segment.searched]]
        if segment.want_search and found:
            found[0] = replace(found[0], search=self._search(slot, segment, eos))
        return tuple(found)

    def settled(self, slot: int) -> tuple[int, ...]:
        """The tokens that every hypothesis of a slot begins with, live or finished: whatever comes of it will too."""
        length = int(self.length[slot])
        tokens, parents = self.token[slot, :length].tolist(), self.parent[slot, :length].tolist()
        trellis = Trellis(tokens, parents, None, want_attention=False)
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
                segment.pruning,
            )
            for step, penalty in zip(recorded, penalties, strict=True)
        )
