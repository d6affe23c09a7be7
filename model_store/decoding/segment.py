"""What goes into the decoder and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from torch import Tensor

from model_store.config import PROVEN, UNPRUNED
from model_store.errors import SegmentError


@dataclass(frozen=True)
class Form:
    """One way to write a term. whole: it has to end where a word ends; else the word may go on after it. initial: True
    if its place is the start of the target, False if anywhere but there, None for both."""

    tokens: tuple[int, ...]
    whole: bool = True
    initial: bool | None = None

    def __post_init__(self) -> None:
        if not self.tokens:
            raise SegmentError("terms: a form needs at least one token")


@dataclass(frozen=True)
class Term:
    """What a target has to contain `count` times, in any of its forms. near: source positions; where a hypothesis
    attends to them, the term costs no more than what the network would write; elsewhere, what it is improbable."""

    forms: tuple[Form, ...]
    count: int = 1
    near: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.forms:
            raise SegmentError("terms: a term needs at least one form")
        if self.count < 1:
            raise SegmentError(f"terms: a count of {self.count} is below 1")


@dataclass(frozen=True)
class Channel:
    """How hypotheses are ranked by how probable the source is for them, too (noisy_channel.py).

    prefix: control tokens that a source of the other direction begins with. skip: how many of them the segment's own
    source has. weight: of the source's log-probability, divided by the penalty of its length. most: tokens of a source
    that is read; a longer hypothesis is behind those that are not.
    """

    prefix: tuple[int, ...]
    skip: int
    weight: float
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.weight < inf:
            raise SegmentError(f"channel: weight: {self.weight} is not 0 or more, or has no end")
        if self.skip < 0:
            raise SegmentError(f"channel: skip: {self.skip} is below 0")


# Of a segment's fields: the least and the most that is allowed.
_BOUNDS: tuple[tuple[str, int, int | None], ...] = (
    ("max_length", 1, None),
    ("beam_size", 1, None),
    ("n_best", 1, None),
    ("no_repeat_ngram", 0, None),
    ("length_penalty", 0, None),
    ("horizon", 0, PROVEN),
    ("pruning", 0, UNPRUNED),
    ("least_empty", 0, 1),
)


@dataclass(frozen=True)
class Segment:
    """One source sequence with the options it is decoded under.

    source: token ids as the tokenizer made them (language token first, EOS last).
    max_length: longest target in tokens, EOS counted.
    length_penalty: alpha of ((5 + |Y|) / 6) ** alpha.
    horizon: tokens; the search ends when no hypothesis that ends within so many more can come to be among the n best,
        or among as many as the beam has where a channel ranks them.
        From max_length on it proves that none of any length can.
    pruning: nats; a hypothesis that is further behind the best one of its step is dropped. Not with a prefix or terms,
        whose hypotheses have to fall behind first, nor where several results are wanted or ranked by a channel, which
        would be too few.
    least_empty: probability; a target without a token that is less probable is no result. With a length penalty a short
        hypothesis, which pays none, beats long ones (Stahlberg and Byrne 2019, arXiv:1908.10090, of the empty one).
    no_repeat_ngram: no hypothesis writes so many tokens in a row twice, but in the prefix; 0 to let it. What would
        repeat is forbidden to that hypothesis, as control tokens are to all.
    prefix: what the target begins with, as the tokenizer spells it (Tokenizer.spelled), in whatever tokens.
    channel: what else all hypotheses of the beam are ranked by, of which the n best are the results; not with a prefix.
    terms: what it has to contain. A target shorter than they are is refused.
    want_attention: also return the full attention weights, not only their argmax.
    want_search: also return how the beam came to the result, step by step.
    """

    source: tuple[int, ...]
    max_length: int
    beam_size: int = 4
    n_best: int = 1
    length_penalty: float = 1.0
    horizon: int = PROVEN
    pruning: float = UNPRUNED
    least_empty: float = 0.0
    no_repeat_ngram: int = 0
    prefix: bytes = b""
    terms: tuple[Term, ...] = ()
    channel: Channel | None = None
    want_attention: bool = False
    want_search: bool = False

    def __post_init__(self) -> None:
        if not self.source:
            raise SegmentError("source: a segment needs at least one token")
        for field, least, most in _BOUNDS:
            value = getattr(self, field)
            if value < least:
                raise SegmentError(f"{field}: {value} is below {least}")
            if most is not None and value > most:
                raise SegmentError(f"{field}: {value} is above {most}")
        if self.n_best > self.beam_size:
            raise SegmentError(f"n_best: {self.n_best} is not in 1..{self.beam_size}, the beam size")
        self._check_together()
        if any(not 0 <= place < len(self.source) for term in self.terms for place in term.near):
            raise SegmentError(f"terms: near: source positions must lie in 0..{len(self.source) - 1}")
        fewest = sum(term.count * min(len(form.tokens) for form in term.forms) for term in self.terms)
        if fewest >= self.max_length:
            raise SegmentError(f"terms: {fewest} tokens and the end do not fit into max_length, {self.max_length}")

    def _check_together(self) -> None:
        """Raises SegmentError for options that do not go with each other."""
        if self.pruning < UNPRUNED and (self.searched > 1 or self.prefix or self.terms):
            raise SegmentError(
                f"pruning: {self.pruning}, but only {UNPRUNED} goes with n_best, a channel, prefix or terms"
            )
        if self.channel is not None and self.prefix:
            raise SegmentError("channel: not with a prefix")
        if self.channel is not None and self.channel.skip >= len(self.source):
            raise SegmentError(f"channel: skip: {self.channel.skip} leaves nothing of the source")

    @property
    def searched(self) -> int:
        """How many hypotheses the search has to find."""
        return self.n_best if self.channel is None else self.beam_size


@dataclass(frozen=True)
class Extension:
    """A hypothesis made one token longer.

    token: the id that was added, EOS where it finished. parent: row of the hypothesis that it extends, among the `live`
    of the step before; 0 in the first step. log_prob, score: as of a Hypothesis.
    """

    token: int
    parent: int
    log_prob: float
    score: float


@dataclass(frozen=True)
class SearchStep:
    """What one step left in the beam. live: those that go on, best first. finished: those that ended in it, whether or
    not they are among the results."""

    live: tuple[Extension, ...]
    finished: tuple[Extension, ...]


@dataclass(frozen=True)
class StepDone:
    """A decoding step that was done: how many segments had a slot in it, and how long it took, in seconds."""

    segments: int
    duration_s: float


@dataclass(frozen=True)
class Limits:
    """What a decoder can take of a segment: source and target in tokens, the widest beam, how many ids there are."""

    source: int
    target: int
    beam_size: int
    vocabulary: int

    def check(self, segment: Segment) -> None:
        """Raises SegmentError if `segment` can never be taken."""
        for field, value, most in (
            ("source", len(segment.source), self.source),
            ("beam_size", segment.beam_size, self.beam_size),
            ("max_length", segment.max_length, self.target),
        ):
            if value > most:
                raise SegmentError(f"{field}: {value} is too large; allowed: 1..{most}")
        if not 0 <= min(segment.source) <= max(segment.source) < self.vocabulary:
            raise SegmentError(f"source: ids must lie in 0..{self.vocabulary - 1}")


@dataclass(frozen=True)
class Hypothesis:
    """One decoded target.

    tokens: target ids without EOS.
    log_prob: sum of the natural-log probabilities of the tokens, EOS included where it was reached; of those behind a
        prefix (demands.py).
    score: log_prob / ((5 + |Y|) / 6) ** length_penalty, |Y| counting EOS; what hypotheses are ranked by, alone or with
        what a channel adds.
    finished: whether EOS was reached; if not, max_length cut the target off.
    alignment: per token of `tokens` the source position (in original order) with the largest weight; None without
        attention.
    attention: float32, shape = (len(tokens), len(source)), on request.
    search: the steps of the whole search, on request and with the best hypothesis only.
    channel_log_prob: the natural-log probability of the source for these tokens; None unless ranked by it.
    """

    tokens: tuple[int, ...]
    log_prob: float
    score: float
    finished: bool
    alignment: tuple[int, ...] | None = None
    attention: Tensor | None = None
    search: tuple[SearchStep, ...] | None = None
    channel_log_prob: float | None = None


Results: TypeAlias = list[tuple[int, tuple[Hypothesis, ...]]]  # by ticket, best first
