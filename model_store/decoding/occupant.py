"""Who holds a slot of a block, and what search has to know of the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model_store.decoding.beginnings import Beginning
from model_store.decoding.demands import Demands
from model_store.decoding.repeats import Paths
from model_store.decoding.segment import Segment
from model_store.decoding.shortlist import Shortlist
from model_store.decoding.spellings import NO_SPELLINGS, Spellings


@dataclass(frozen=True)
class Vocabulary:
    """The ids that search has to know. forbidden: int64, ids that are never written. spellings: of all of them, for
    segments that have to begin with a text or to contain terms. shortlist: None to score all ids for every source."""

    bos: int
    eos: int
    forbidden: Tensor
    spellings: Spellings = NO_SPELLINGS
    shortlist: Shortlist | None = None


class Occupant:
    """Who holds a slot. paths: None unless the segment must not repeat itself. demands: None unless it has a prefix or
    terms. candidates: the ids that it may write, ascending; None if that is all, as it is with demands. beginning: what
    it goes on from; None to begin at the start."""

    def __init__(self, ticket: int, segment: Segment, vocabulary: Vocabulary, beginning: Beginning | None) -> None:
        self.ticket = ticket
        self.segment = segment
        self.cancelled = False
        self.paths = Paths(segment.no_repeat_ngram) if segment.no_repeat_ngram else None
        demanding = segment.prefix or segment.terms
        self.demands = Demands(segment, vocabulary.spellings, vocabulary.eos) if demanding else None
        shortlist = None if demanding or vocabulary.shortlist is None else vocabulary.shortlist.of(segment.source)
        self.candidates = None if shortlist is None else torch.from_numpy(shortlist)
        self.beginning = beginning
        for parents, tokens in () if beginning is None else beginning.choices:
            self.extend(parents, tokens)

    @property
    def length(self) -> int:
        """Of its source, in tokens."""
        return len(self.segment.source)

    @property
    def followed(self) -> bool:
        """Whether the host has to `extend` it with each step."""
        return self.paths is not None or self.demands is not None

    @property
    def guided(self) -> bool:
        """Whether the host has a part in its steps wherever they run; what would repeat a device can tell, too."""
        return self.segment.want_search or self.demands is not None or self.candidates is not None

    def extend(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Each hypothesis from now on: the one it extends, and its token."""
        for guide in (self.paths, self.demands):
            if guide is not None:
                guide.extend(parents, tokens)

    def barred(self, rows: int) -> list[tuple[int, int]]:
        """(hypothesis, token) of every extension of its first `rows` hypotheses that would repeat what must not be
        repeated. A prefix may."""
        barred = self.paths.barred() if self.paths is not None else []
        free = (each for each in barred if self.demands is None or not self.demands.prefix_left(each[0]))
        return [each for each in free if each[0] < rows]
