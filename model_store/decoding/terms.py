"""Terms that a target has to contain, and how far what is written has come with them.

A term occurs where one of its forms was written. Progress depends on the tokens written and on nothing else: how many
occurrences are missing, and the last tokens, in which the beginning of a form may stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model_store.decoding.segment import Form, Term

# Hypotheses at every stage of their terms share a beam, so it has to be wider than for a search without.
TERMS_BEAM = 8

# A term that has this share of the attention counts as having all of it. With all of it several tokens are equally
# probable, and are taken in the order of ties; a sum of rounded weights, even in half precision, is less short of 1.
WHOLE_ATTENTION = 0.999


@dataclass(frozen=True)
class Progress:
    """missing: occurrences of each term that are still to come. last: the last tokens written. fresh: the terms of
    which the very last token was the end of a missing occurrence."""

    missing: tuple[int, ...]
    last: tuple[int, ...] = ()
    fresh: frozenset[int] = frozenset()


class Terms:
    """The terms of one segment. near: whether any of them names a place.

    continuing: ids that go on with a word; an occurrence of a whole word counts only where none of them follows.
    """

    def __init__(self, terms: tuple[Term, ...], continuing: frozenset[int]) -> None:
        self._terms = terms
        self._continuing = continuing
        self.near = any(term.near for term in terms)
        self._longest = max((len(form.tokens) for term in terms for form in term.forms), default=0)
        self._shortest = tuple(min(len(form.tokens) for form in term.forms) for term in terms)

    def start(self) -> Progress:
        """Nothing written."""
        return Progress(tuple(term.count for term in self._terms))

    def after(self, progress: Progress, token: int) -> Progress:
        """One token more."""
        missing = list(progress.missing)
        if token in self._continuing:
            for index in progress.fresh:
                missing[index] += any(form.whole for form in self._ended(index, progress.last))
        last = (*progress.last, token)[-self._longest :]
        fresh = {index for index, count in enumerate(missing) if count and any(self._ended(index, last))}
        for index in fresh:
            missing[index] -= 1
        return Progress(tuple(missing), last, frozenset(fresh))

    def left(self, progress: Progress) -> int:
        """The fewest tokens in which what is missing can be written; 0 when nothing is."""
        whole = sum(count * shortest for count, shortest in zip(progress.missing, self._shortest, strict=True))
        gains = [self._shortest[index] - len(form.tokens) + begun for index, form, begun in self._begun(progress)]
        return whole - max(0, *gains) if gains else whole

    def bank(self, progress: Progress) -> tuple[int, int]:
        """How far this is: occurrences that are missing, and tokens by which one of them was begun, counted down."""
        return sum(progress.missing), -max((begun for _index, _form, begun in self._begun(progress)), default=0)

    def wanted(self, progress: Progress, attention: Sequence[float]) -> dict[int, float]:
        """The tokens that begin a missing form or go on with it, each with how much this is its place, 0 to 1.

        attention: the weights of the hypothesis, shape = (S,); empty without. What was begun is in its place; what
        begins is where the source positions that the term names are attended to, from WHOLE_ATTENTION on wholly.
        """
        found: dict[int, float] = {}
        for index, form, begun in self._begun(progress):
            token, here = form.tokens[begun], 1.0
            if not begun:
                fits = attention and form.initial in (None, not progress.last)
                here = sum(attention[place] for place in self._terms[index].near) if fits else 0.0
            found[token] = max(1.0 if here >= WHOLE_ATTENTION else here, found.get(token, 0.0))
        return found

    def _ended(self, index: int, last: tuple[int, ...]) -> Iterator[Form]:
        """The forms of a term that the last tokens end in; of those, one that may go on in its word stands alone."""
        ended = [form for form in self._terms[index].forms if last[-len(form.tokens) :] == form.tokens]
        open_ended = [form for form in ended if not form.whole]
        return iter(open_ended or ended)

    def _begun(self, progress: Progress) -> Iterator[tuple[int, Form, int]]:
        """Of each form of what is missing, how many of its tokens the last ones are the beginning of."""
        for index, count in enumerate(progress.missing):
            if count:
                for form in self._terms[index].forms:
                    sizes = range(min(len(form.tokens) - 1, len(progress.last)), 0, -1)
                    begun = next((n for n in sizes if progress.last[-n:] == form.tokens[:n]), 0)
                    yield index, form, begun
