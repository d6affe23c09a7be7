"""What a translation is: the request, the segments and texts that answer it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from model_store.config import Formality
from service.engine.segment import ANYONE, Client, Priority, SegmentTimings
from service.pipeline.explanation import Explanation
from service.pipeline.terms import TermUse
from service.text.detection import Detection
from service.text.edits import shifted
from service.text.glossary import GlossaryTerm

Format = Literal["text", "html"]
FORMATS: tuple[Format, ...] = ("text", "html")
WarningName = Literal[
    "truncated",
    "placeholder_lost",
    "term_missing",
    "number_changed",
    "repetition",
    "uncovered_source",
    "low_score",
    "first_sentence",
    "read_in_windows",
    "not_shorter",
    "other_language",
]
WARNINGS: tuple[WarningName, ...] = get_args(WarningName)
# In place of a source language: find out.
AUTO = "auto"
# What is wrong with a glossary then.
GLOSSARY_NEEDS_SOURCE = f"not with source {AUTO!r}; allowed: with the language of its terms"


def common_language(languages: Collection[str]) -> str:
    """The one that all are in; "auto" if they are several, or none."""
    return next(iter(languages)) if len(languages) == 1 else AUTO


@dataclass(frozen=True)
class TranslationOptions:
    """How to search; None takes the bundle's own value.

    n_best: hypotheses, the best included; the beam grows to it where no beam_size is given. max_length: longest
    target of one segment in tokens, EOS counted. explain: also say how each segment was translated. prefix: what the
    translation begins with. formality: how the translation addresses its reader.
    """

    beam_size: int | None = None
    n_best: int = 1
    length_penalty: float | None = None
    max_length: int | None = None
    explain: bool = False
    prefix: str = ""
    formality: Formality = "default"


@dataclass(frozen=True)
class Turn:
    """How a request takes its turn with others. client: who asks. timeout_s: how long it may take at most, if that is
    less than the service allows, in seconds."""

    client: Client = ANYONE
    priority: Priority = Priority.INTERACTIVE
    timeout_s: float | None = None

    def deadline(self, started: float, most_s: float) -> float:
        """On the clock of `started`; most_s: what the service allows, in seconds."""
        return started + (most_s if self.timeout_s is None else min(self.timeout_s, most_s))


NO_TURN = Turn()


@dataclass(frozen=True)
class TranslationRequest:
    """Texts of one pair. source, target: language codes as people write them; a source of "auto" is found out for each
    text by itself. model: "name" or "name@version". wait_for_room_s: how long a full queue is waited for before the
    request is refused, in seconds. glossary: terms of that pair, and how they are to be translated. attributes: whether
    those of HTML that people read are translated too."""

    texts: tuple[str, ...]
    source: str
    target: str
    model: str | None = None
    options: TranslationOptions = TranslationOptions()
    format: Format = "text"
    wait_for_room_s: float = 0.0
    turn: Turn = NO_TURN
    glossary: tuple[GlossaryTerm, ...] = ()
    attributes: bool = False


@dataclass(frozen=True)
class Link:
    """A word of the target and the word of the source that it translates, by attention: [start, end) in code points."""

    source: tuple[int, int]
    target: tuple[int, int]


@dataclass(frozen=True)
class Candidate:
    """One translation of a segment. score: mean natural-log probability of its `tokens` tokens, EOS counted; through
    a pivot the sum of both passes' means. alignment: spans relative to the segment; None where the model has no
    attention, where a pivot is in between, or where the tokens do not spell the text. uncovered: words of the source
    that no part of it attends to. terms: those of the glossary that the source has.

    warnings: "truncated" (it did not reach its end), "placeholder_lost" (the model did not write it, so it was put
    where it seems to belong), "term_missing" (of the glossary), "number_changed", "repetition", "uncovered_source"
    (words of the source that nothing attends to), "low_score".
    """

    text: str
    score: float
    tokens: int
    alignment: tuple[Link, ...] | None = None
    warnings: tuple[WarningName, ...] = ()
    uncovered: int = 0
    terms: tuple[TermUse, ...] = ()


def mean_score(candidates: Sequence[Candidate]) -> tuple[float, int]:
    """The mean over all tokens of what was written, 0 if there is none, and how many they are."""
    tokens = sum(each.tokens for each in candidates)
    return sum(each.score * each.tokens for each in candidates) / max(tokens, 1), tokens


@dataclass(frozen=True)
class SegmentTranslation:
    """One segment and its translations, best first, no two with the same text. language: what it is in. explanation: of
    what the model was given, on request; None through a pivot."""

    source: str
    language: str
    candidates: tuple[Candidate, ...]
    source_tokens: int
    timings: SegmentTimings
    explanation: Explanation | None = None

    @property
    def best(self) -> Candidate:
        """The translation."""
        return self.candidates[0]

    def ranked(self, rank: int) -> Candidate:
        """The candidate of that rank, from 0; the last one if there are fewer."""
        return self.candidates[min(rank, len(self.candidates) - 1)]


@dataclass(frozen=True)
class TextTranslation:
    """A text: translated segments, and strings that are copied."""

    pieces: tuple[str | SegmentTranslation, ...]

    @cached_property
    def segments(self) -> tuple[SegmentTranslation, ...]:
        """What went through the model."""
        return tuple(piece for piece in self.pieces if isinstance(piece, SegmentTranslation))

    @cached_property
    def best(self) -> Candidate:
        """The whole text; its score is the mean over all tokens, 0 if no segment went through the model."""
        return self._candidate(0)

    @property
    def alternatives(self) -> tuple[Candidate, ...]:
        """Other translations: the i-th takes every segment's i-th candidate, or its last if it has fewer."""
        texts = {self.best.text}
        found = []
        for rank in range(1, max((len(segment.candidates) for segment in self.segments), default=0)):
            candidate = self._candidate(rank)
            if candidate.text not in texts:
                texts.add(candidate.text)
                found.append(candidate)
        return tuple(found)

    @property
    def warnings(self) -> tuple[WarningName, ...]:
        """Each warning of a segment, once."""
        return tuple(dict.fromkeys(warning for segment in self.segments for warning in segment.best.warnings))

    @property
    def alignment(self) -> tuple[Link, ...] | None:
        """Of the best one: links of all segments, spans relative to the text; None if a segment has none."""
        return self.best.alignment

    def _candidate(self, rank: int) -> Candidate:
        chosen = [piece if isinstance(piece, str) else piece.ranked(rank) for piece in self.pieces]
        text = "".join(each if isinstance(each, str) else each.text for each in chosen)
        score, tokens = mean_score([each for each in chosen if isinstance(each, Candidate)])
        return Candidate(text, score, tokens, self._alignment(chosen))

    def _alignment(self, chosen: Sequence[str | Candidate]) -> tuple[Link, ...] | None:
        links: list[Link] = []
        source = target = 0
        for piece, written in zip(self.pieces, chosen, strict=True):
            if isinstance(piece, str) or isinstance(written, str):
                source, target = source + len(str(piece)), target + len(str(written))
                continue
            if written.alignment is None:
                return None
            if source == target == 0:
                links += written.alignment
            else:
                links += [
                    Link(shifted(link.source, source), shifted(link.target, target)) for link in written.alignment
                ]
            source, target = source + len(piece.source), target + len(written.text)
        return tuple(links)


@dataclass(frozen=True)
class Way:
    """How a text was translated. source: the served language it is in. detection: how sure that is, None if the
    request named it. via: the pivot language, if the pair went through one. model_name, model_version: the bundle that
    wrote it; None if source and target are the same, or nothing could be said of the source."""

    source: str
    detection: Detection | None = None
    via: str | None = None
    model_name: str | None = None
    model_version: str | None = None


@dataclass(frozen=True)
class TranslationResult:
    """The answer to a request. ways: one for each of `translations`. total_s: seconds of the whole request."""

    translations: tuple[TextTranslation, ...]
    ways: tuple[Way, ...]
    target: str
    total_s: float

    @property
    def pair(self) -> str:
        """The pair as metrics and logs name it; its source is "auto" if the texts are in several languages."""
        return f"{common_language({way.source for way in self.ways})}-{self.target}"

    @property
    def segments(self) -> tuple[SegmentTranslation, ...]:
        """Those of all texts."""
        return tuple(segment for text in self.translations for segment in text.segments)
