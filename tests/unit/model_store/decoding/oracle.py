"""Beam search the slow, obvious way: one sentence, Python lists, the whole prefix run again for every token.

Shares no code with the decoder: probabilities come from the teacher-forced pass over the prefix.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq

NextLogProbs = Callable[[Sequence[int]], list[float]]


@dataclass(frozen=True)
class Found:
    """tokens without EOS; finished: whether EOS was reached."""

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    finished: bool


# A step: what lives on as (token, row extended, log_prob), and what finished.
Candidate = tuple[int, int, float]
Step = tuple[list[Candidate], list[Candidate]]


def beam_search(
    next_log_probs: NextLogProbs, segment: Segment, eos: int, history: list[Step] | None = None
) -> list[Found]:
    """The semantics stated in hypotheses.py, literally. Each step is appended to `history`."""

    def penalty(length: int) -> float:
        return math.pow((5 + length) / 6, segment.length_penalty)

    beam = segment.beam_size
    live: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[Found] = []
    for length in range(1, segment.max_length + 1):
        candidates = [
            (total + log_prob, row, token)
            for row, (total, tokens) in enumerate(live)
            for token, log_prob in enumerate(without_repeats(next_log_probs(tokens), tokens, segment.no_repeat_ngram))
            if total + log_prob > -math.inf
        ]
        candidates.sort(key=lambda candidate: (-candidate[0], candidate[1], candidate[2]))
        extended = []
        going_on: list[Candidate] = []
        ended: list[Candidate] = []
        for rank, (total, row, token) in enumerate(candidates[: 2 * beam]):
            if token != eos:
                extended.append((total, (*live[row][1], token)))
                going_on.append((token, row, total))
            elif rank < beam:
                finished.append(Found(live[row][1], total, total / penalty(length), finished=True))
                ended.append((token, row, total))
        finished.sort(key=lambda found: -found.score)  # stable: of equals, the one finished first
        live = extended[:beam]
        if history is not None:
            history.append((going_on[:beam], ended))
        if not live:
            break
        if len(finished) >= beam and live[0][0] / penalty(segment.max_length) <= finished[beam - 1].score:
            break
    unfinished = [Found(tokens, total, total / penalty(len(tokens)), finished=False) for total, tokens in live]
    return (finished[:beam] + unfinished)[: segment.n_best]


def network_log_probs(network: Seq2Seq, source: Sequence[int], bos: int, forbidden: Sequence[int]) -> NextLogProbs:
    """Next-token log-probabilities of a network for one source: the whole prefix, teacher-forced, every time."""
    ids = torch.tensor([list(source)])
    lengths = torch.tensor([len(source)])

    def next_log_probs(prefix: Sequence[int]) -> list[float]:
        with torch.no_grad():
            readouts = network(ids, lengths, torch.tensor([[bos, *prefix]]))
            logits = network.projection(readouts[0, -1])
            logits[list(forbidden)] = -math.inf
            return torch.log_softmax(logits, dim=0).tolist()

    return next_log_probs


def without_repeats(log_probs: list[float], written: tuple[int, ...], ngram: int) -> list[float]:
    """The distribution without the tokens that would make `ngram` tokens in a row occur twice."""
    if not ngram:
        return log_probs

    def repeats(tokens: tuple[int, ...]) -> bool:
        ngrams = [tokens[start : start + ngram] for start in range(len(tokens) - ngram + 1)]
        return len(set(ngrams)) < len(ngrams)

    left = [-math.inf if repeats((*written, token)) else value for token, value in enumerate(log_probs)]
    total = math.log(sum(math.exp(value) for value in left))
    return [value - total for value in left]
