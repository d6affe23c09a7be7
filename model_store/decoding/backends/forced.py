"""Probabilities of targets that are given: what a network thinks of a translation that somebody else wrote.

Legend: B pairs of a source and a target, R readout width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model_store.decoding.backends.protocol import Backend, Encoding, Rows
from model_store.network.memory import DecoderState, Memory

_ROWS_AT_ONCE = 64  # so that their logits stay in the processor's cache


def stepped_log_probs(backend: Backend, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
    """Backend.target_log_probs by its steps, a token of every target in each: for any network, on any device."""
    memory, state = encoded(backend.encode(sources, sum(map(len, sources))))
    lengths = torch.tensor([len(target) for target in targets])
    rows = [[*target, *[target[-1]] * (int(lengths.max()) - len(target))] for target in targets]
    ids = torch.tensor(rows, device=memory.mask.device)
    totals = torch.zeros(len(targets))
    for position in range(ids.shape[1] - 1):
        positions = torch.full((len(targets),), position, device=ids.device)
        (step,) = backend.step([Rows(ids[:, position : position + 1], memory, state, positions)])
        state = step.state
        found = token_log_probs(backend, step.readout.flatten(0, 1), ids[:, position + 1])
        totals += found.masked_fill(position + 1 >= lengths, 0.0)
    return totals


def token_log_probs(backend: Backend, readout: Tensor, tokens: Tensor) -> Tensor:
    """Natural-log probability of a token for each readout, on the host. readout: shape = (B, R). tokens: shape = (B,).

    What the rest of the vocabulary sums up to is what the backend finds the best token by.
    """
    found = []
    none = torch.empty(0, dtype=torch.int64, device=tokens.device)
    for own, wanted in zip(*(torch.split(each, _ROWS_AT_ONCE) for each in (readout, tokens)), strict=True):
        logits = backend.logits(own.unsqueeze(1))  # (B, 1, V)
        exact = torch.promote_types(logits.dtype, torch.float32)
        log_prob, _parent, best = backend.best(logits, logits.new_zeros(len(own), 1, dtype=exact), none, 1)
        both = logits.squeeze(1).gather(1, torch.stack((wanted, best.squeeze(1)), dim=1)).to(exact)
        found.append(both[:, 0] - both[:, 1] + log_prob.squeeze(1))
    return torch.cat(found).to("cpu", torch.float32)


def encoded(encoding: Encoding) -> tuple[Memory, DecoderState]:
    """What comes of an encoding, all parts of it done at once."""
    while True:
        try:
            next(encoding)
        except StopIteration as ended:
            memory, state = ended.value
            return memory, state
