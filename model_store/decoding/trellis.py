"""Hypotheses read back from the choices of each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model_store.decoding.segment import Extension, Hypothesis, SearchStep

NEVER = float("-inf")


def search_step(candidates: Sequence[Extension], beam: int, eos: int, pruning: float) -> SearchStep:
    """What becomes of the candidates of one step, best first."""
    possible = [each for each in candidates if each.log_prob > NEVER]
    live = [each for each in possible if each.token != eos][:beam]
    least = max((each.log_prob for each in live), default=0.0) - pruning
    return SearchStep(
        live=tuple(each for each in live if each.log_prob >= least),
        finished=tuple(each for each in possible[:beam] if each.token == eos),
    )


@dataclass(frozen=True)
class End:
    """Where a hypothesis of `steps` tokens ends."""

    steps: int
    row: int
    log_prob: float
    score: float
    finished: bool


class Trellis:
    """Backtracking through the choices of one slot. tokens, parents: [step][row]. attention: shape = (T, K, S)."""

    def __init__(
        self, tokens: list[list[int]], parents: list[list[int]], attention: Tensor | None, *, want_attention: bool
    ) -> None:
        self.tokens = tokens
        self.parents = parents
        self.attention = attention
        self.want_attention = want_attention

    def read(self, end: End) -> Hypothesis:
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
