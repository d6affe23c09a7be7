"""What one model makes of many segments: tokens, groups, the engine, and hypotheses as text."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from model_store.config import UNPRUNED
from model_store.decoding.repeats import no_repeat_ngram
from model_store.decoding.segment import Hypothesis, Segment
from model_store.decoding.terms import TERMS_BEAM
from model_store.tokenizer import Tokenizer
from service.catalogue import Leg
from service.engine.flights import Watch
from service.engine.segment import SegmentResult, Standing
from service.errors import EngineDeadlineError, EngineOverloadedError
from service.pipeline.alignment import align
from service.pipeline.aside import aside
from service.pipeline.explanation import explain
from service.pipeline.segment_spans import tell_segments
from service.pipeline.terms import demanded, fewest_tokens
from service.pipeline.translation import (
    NO_TURN,
    Candidate,
    SegmentTranslation,
    TextTranslation,
    TranslationOptions,
    Turn,
)
from service.text.edits import Span, shifted
from service.text.glossary import Glossary, Occurrence
from service.text.segmentation import ClauseRule, Piece, split_text
from service.tracing import phase


@dataclass(frozen=True)
class GroupLimits:
    """What is submitted at once, so that a long text neither overflows the queue nor shuts out others for long."""

    segments: int = 256
    tokens: int = 8192


# How often a full queue is looked at again.
_ROOM_POLL_S = 0.25


@dataclass(frozen=True)
class Patience:
    """deadline: on time.monotonic()'s clock, in seconds. refused_after: until when a full queue is waited for, on the
    same clock. turn: for whom, with which priority. standing: what is done of the request already."""

    deadline: float
    refused_after: float = 0.0
    turn: Turn = NO_TURN
    standing: Standing = Standing.NEW

    def after(self, done: Sequence[TextTranslation]) -> Patience:
        """Of the same request, which is not refused any more if any of it was decoded."""
        return self.underway() if any(text.segments for text in done) else self

    def underway(self) -> Patience:
        """Of the same request, of which part is decoded: it is not refused any more."""
        return replace(self, standing=Standing.UNDERWAY)

    def again(self) -> Patience:
        """Of the same request, of which part is done once more."""
        return replace(self, standing=Standing.AGAIN)

    def left_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            EngineDeadlineError: there are none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise EngineDeadlineError("the request was not finished in time")
        return left


@dataclass(frozen=True)
class Asked:
    """A text that is decoded as one segment. terms: of the glossary, which it has."""

    text: str
    options: TranslationOptions
    terms: tuple[Occurrence, ...] = ()


# The number of a text, what its translation is sure to begin with, and whether that is all of it.
WatchText = Callable[[int, str, bool], None]


async def decode_texts(
    leg: Leg, asked: Sequence[Asked], limits: GroupLimits, patience: Patience, watch: WatchText | None = None
) -> list[SegmentTranslation]:
    """Decode each text; each has to fit the model. Raises what the engine raises; waits out an overload as `patience`
    says. `watch` is told of the best translation of each while it is written."""
    texts = [each.text for each in asked]
    with phase("tokenization", {"segments": len(asked)}):
        segments = await aside(lambda: [_segment(leg, each) for each in asked], texts)
    results = await _submit(leg, segments, limits, patience, watch)
    with phase("join", {"segments": len(asked)}):
        return await aside(
            lambda: [_translated(leg, *each) for each in zip(asked, segments, results, strict=True)], texts
        )


def split_for(leg: Leg, text: str, glossary: Glossary | None = None, pairs: Sequence[Span] = ()) -> list[Piece]:
    """The pieces of a text, none longer than the leg's model reads at once; of a long sentence clauses, if the model
    translates those better. No clause begins within a term of the glossary, nor within any of the `pairs`, which are in
    order, in a sentence that has it all."""
    tokenizer = leg.model.tokenizer
    # In French a semicolon has a space in front of it, and so none can be copied.
    semicolons = "fr" not in (leg.source, leg.target)
    tokens = leg.model.decoding.clause_tokens if leg.model.task == "translate" else 0

    def uncut(sentence: str, start: int) -> Iterator[Span]:
        end = start + len(sentence)
        for pair in pairs[bisect_left(pairs, (start,)) : bisect_left(pairs, (end,))]:
            if pair[1] <= end:
                yield shifted(pair, -start)
        if glossary is not None:
            yield from (each.span for each in glossary.find(sentence))

    return split_text(
        text,
        language=leg.source,
        count_tokens=lambda part: len(tokenizer.encode(part)),
        max_tokens=leg.model.max_source_tokens,
        clause_rule=ClauseRule(tokens, semicolons, uncut),
    )


def _segment(leg: Leg, asked: Asked) -> Segment:
    decoding, tokenizer, options = leg.model.decoding, leg.model.tokenizer, asked.options
    source = leg.model.source_ids(asked.text, leg.target, options.formality)
    default = decoding.length_penalty
    most = options.max_length or leg.model.max_target_length
    lags = leg.model.attention_lags
    terms = demanded(asked.terms, asked.text, tokenizer, most=most - 1, lags=lags) if asked.terms else ()
    fewest = fewest_tokens(terms)
    # What has to be there comes on top of what is usual.
    usual = decoding.max_length(len(source)) + fewest + len(tokenizer.encode(options.prefix))
    beam = options.beam_size or max(decoding.beam_size, options.n_best, TERMS_BEAM if terms else 1)
    channel = None if options.prefix or beam == 1 else leg.channel
    return Segment(
        source=source,
        max_length=options.max_length or min(usual, most),
        beam_size=beam,
        n_best=options.n_best,
        length_penalty=default if options.length_penalty is None else options.length_penalty,
        horizon=decoding.horizon,
        pruning=UNPRUNED if terms or options.prefix or options.n_best > 1 or channel else decoding.pruning,
        least_empty=decoding.least_empty,
        # A glossary's term may be longer in the target, and be there as often as in the source.
        no_repeat_ngram=0 if terms else no_repeat_ngram(decoding, leg.model.task, source),
        prefix=tokenizer.spelled(options.prefix),
        terms=terms,
        channel=channel,
        want_attention=True,
        want_search=options.explain,
    )


async def _submit(
    leg: Leg, segments: Sequence[Segment], limits: GroupLimits, patience: Patience, watch: WatchText | None
) -> list[SegmentResult]:
    """Submit group after group; a request of which nothing is done yet may be refused for overload."""
    results: list[SegmentResult] = []
    for group in _groups(segments, limits):
        if results and patience.standing is Standing.NEW:
            patience = patience.underway()
        while True:
            try:
                watch_group = _watching(watch, leg.model.tokenizer, len(results)) if watch else None
                results += await _submit_group(leg, group, patience, watch_group)
                break
            except EngineOverloadedError as error:
                if time.monotonic() >= patience.refused_after:
                    raise
                await asyncio.sleep(min(error.retry_after_s, _ROOM_POLL_S, patience.left_s()))
    return results


def _watching(watch: WatchText, tokenizer: Tokenizer, before: int) -> Watch:
    """For a group of segments with so many before it."""

    def told(index: int, tokens: tuple[int, ...], whole: bool) -> None:
        text = tokenizer.decode(tokens)
        # A character of which not all bytes are there yet, or half of an escape.
        watch(before + index, (text if whole else text.rstrip("\ufffd\x1b")).strip(), whole)

    return told


async def _submit_group(
    leg: Leg, group: Sequence[Segment], patience: Patience, watch: Watch | None
) -> list[SegmentResult]:
    with phase("engine", {"segments": len(group)}, model=leg.model.reference) as engine:
        results = await leg.model.engine.submit_all(
            group,
            priority=patience.turn.priority,
            deadline_s=patience.left_s(),
            client=patience.turn.client,
            standing=patience.standing,
            watch=watch,
        )
        tell_segments(engine, group, results)
        return results


def _groups(segments: Sequence[Segment], limits: GroupLimits) -> Iterator[list[Segment]]:
    group: list[Segment] = []
    tokens = 0
    for segment in segments:
        if group and (len(group) == limits.segments or tokens + len(segment.source) > limits.tokens):
            yield group
            group, tokens = [], 0
        group.append(segment)
        tokens += len(segment.source)
    if group:
        yield group


def _translated(leg: Leg, asked: Asked, segment: Segment, result: SegmentResult) -> SegmentTranslation:
    text = asked.text
    candidates: dict[str, Candidate] = {}
    for hypothesis in result.hypotheses:
        candidate = _candidate(leg, text, segment, hypothesis)
        candidates.setdefault(candidate.text, candidate)
    best, *others = candidates.values()
    return SegmentTranslation(
        source=text,
        language=leg.source,
        candidates=(best, *others),
        source_tokens=len(segment.source),
        timings=result.timings,
        explanation=explain(text, best.text, segment.source, result.hypotheses[0], leg.model.tokenizer),
    )


def _candidate(leg: Leg, text: str, segment: Segment, hypothesis: Hypothesis) -> Candidate:
    tokenizer = leg.model.tokenizer
    target = tokenizer.decode(hypothesis.tokens).strip()  # the white space around is the source's, kept outside
    tokens = len(hypothesis.tokens) + hypothesis.finished
    alignment = align(text, target, segment.source, hypothesis, tokenizer, lags=leg.model.attention_lags)
    return Candidate(
        target,
        hypothesis.log_prob / max(tokens, 1),
        tokens,
        alignment=alignment.links if alignment else None,
        warnings=() if hypothesis.finished else ("truncated",),
        uncovered=len(alignment.uncovered) if alignment else 0,
    )
