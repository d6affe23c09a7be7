"""Keeps a hypothesis from writing the same n tokens in a row twice (Paulus et al. 2017, arXiv 1705.04304, 2.5).

Legend: N slots, K beam width, T target capacity.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from model_store.config import DecodingConfig, Task


class Paths:
    """What each live hypothesis of a segment has written so far, so that what would repeat can be told.

    ngram: how many tokens in a row may not occur twice, at least 1.
    """

    def __init__(self, ngram: int) -> None:
        self._ngram = ngram
        self._paths: list[tuple[int, ...]] = [()]

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Each hypothesis from now on: the one it extends, and its token.

        The first step has one hypothesis to extend, but looks at more rows where a beam is wider than half of what may
        be written. What extends those is no hypothesis, so it does not matter what it is said to have written.
        """
        paths = dict(enumerate(self._paths))
        self._paths = [(*paths.get(parent, ()), token) for parent, token in zip(parents, tokens, strict=True)]

    def barred(self) -> list[tuple[int, int]]:
        """(hypothesis, token) of every extension that would repeat."""
        return [(row, token) for row, path in enumerate(self._paths) for token in repeating(path, self._ngram)]


def repeating(path: tuple[int, ...], ngram: int) -> set[int]:
    """The tokens that would make the last `ngram` tokens of `path` and themselves a repetition."""
    end = len(path) - ngram + 1
    if end < 0:
        return set()
    last = path[end:]
    return {path[start + ngram - 1] for start in range(end) if path[start : start + ngram - 1] == last}


def no_repeat_ngram(decoding: DecodingConfig, task: Task, source: Sequence[int]) -> int:
    """What a bundle's decoding says of repetitions, for one source of its task: 0 where they are allowed.

    A translation says twice what its source says twice: where that has one token fewer in a row twice, since words of
    one language are other numbers of tokens in another, nothing is forbidden. Tasks that shorten have no such reason.
    """
    ngram = decoding.no_repeat_ngram
    if task != "translate" or ngram == 0:
        return ngram
    runs = list(zip(*(source[start:] for start in range(max(ngram - 1, 1))), strict=False))
    return ngram if len(set(runs)) == len(runs) else 0


def barred_tokens(written: Tensor, length: Tensor, ngram: int, none: int) -> Tensor:
    """As `repeating`, of many hypotheses at once, for a device: the host need not wait for any of it.

    written: their tokens, int64, shape = (N, K, T). length: how many of these count, shape = (N,). ngram: at least 1.
    Returns for each place of what was written the token there if it would make a repetition now, else `none`; shape =
    (N, K, T).
    """
    place = torch.arange(written.shape[2], device=written.device)
    length = length.view(-1, 1, 1)
    barred = (place >= ngram - 1) & (place < length)
    for back in range(1, ngram):
        last = written.gather(2, (length - back).clamp(min=0).expand(-1, written.shape[1], 1))
        barred = barred & (written.roll(back, dims=2) == last)  # what comes around from the end is before ngram - 1
    return written.where(barred, none)
