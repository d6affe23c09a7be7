"""Keeps a hypothesis from writing the same n tokens in a row twice (Paulus et al. 2017, arXiv 1705.04304, 2.5)."""

from __future__ import annotations

from collections.abc import Sequence


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
