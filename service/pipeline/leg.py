"""One pass of texts through one model: text -> segments -> engine -> text."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from model_store.decoding.segment import Segment
from service.catalogue import Leg
from service.engine.segment import SegmentResult
from service.errors import EngineDeadlineError, EngineOverloadedError
from service.pipeline.alignment import align
from service.pipeline.explanation import check_explainable, explain
from service.pipeline.translation import Candidate, SegmentTranslation, TextTranslation, TranslationOptions
from service.text.casing import Recased, recase
from service.text.segmentation import Piece, split_text


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
    same clock; a request of which part is done waits as long as it may."""

    deadline: float
    refused_after: float = 0.0

    def after(self, done: Sequence[TextTranslation]) -> Patience:
        """Of the same request, which is not refused any more if any of it was decoded."""
        return replace(self, refused_after=math.inf) if any(text.segments for text in done) else self

    def left_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            EngineDeadlineError: there are none.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise EngineDeadlineError("the request was not finished in time")
        return left


async def translate_texts(
    leg: Leg, texts: Sequence[str], options: TranslationOptions, limits: GroupLimits, patience: Patience
) -> list[TextTranslation]:
    """Translate each text. Raises what the engine raises; waits out an overload as `patience` says, and without end
    once a part is done."""
    # Segmenting a long text takes longer than the event loop may stand still.
    split = await asyncio.to_thread(lambda: [split_for(leg, text) for text in texts])
    cores = [piece.text for pieces in split for piece in pieces if piece.translate]
    recased = await asyncio.to_thread(lambda: [_recased(leg, core) for core in cores])
    decoded = await decode_texts(leg, [each.text for each in recased], options, limits, patience)
    done = iter([_restored(*each) for each in zip(cores, recased, decoded, strict=True)])
    return [TextTranslation(tuple(next(done) if p.translate else p.text for p in pieces)) for pieces in split]


async def decode_texts(
    leg: Leg, texts: Sequence[str], options: TranslationOptions, limits: GroupLimits, patience: Patience
) -> list[SegmentTranslation]:
    """Decode each text as one segment; each has to fit the model. Raises as translate_texts."""
    if options.explain:
        check_explainable(len(texts))
    segments = await asyncio.to_thread(lambda: [_segment(leg, text, options) for text in texts])
    results = await _submit(leg, segments, limits, patience)
    return await asyncio.to_thread(
        lambda: [_translated(leg, *each) for each in zip(texts, segments, results, strict=True)]
    )


def split_for(leg: Leg, text: str) -> list[Piece]:
    """The pieces of a text, none longer than the leg's model reads at once."""
    tokenizer = leg.model.tokenizer
    return split_text(
        text,
        language=leg.source,
        count_tokens=lambda part: len(tokenizer.encode(part)),
        max_tokens=leg.model.max_source_tokens,
    )


def _recased(leg: Leg, core: str) -> Recased:
    def count(part: str) -> int:
        return len(leg.model.tokenizer.encode(part))

    recased = recase(core, leg.source, count)
    fits = recased.text == core or count(recased.text) <= leg.model.max_source_tokens
    return recased if fits else Recased(core, shouted=False)


def _restored(core: str, recased: Recased, decoded: SegmentTranslation) -> SegmentTranslation:
    """As if `core` itself had been decoded. Lengths are the same, so the alignment holds."""
    candidates: dict[str, Candidate] = {}
    for candidate in decoded.candidates:
        text = recased.restore(candidate.text)
        candidates.setdefault(text, replace(candidate, text=text))
    return replace(decoded, source=core, candidates=tuple(candidates.values()))


def _segment(leg: Leg, text: str, options: TranslationOptions) -> Segment:
    decoding = leg.model.decoding
    source = leg.model.source_ids(text, leg.target)
    default = decoding.length_penalty
    return Segment(
        source=source,
        max_length=options.max_length or min(decoding.max_length(len(source)), leg.model.max_target_length),
        beam_size=options.beam_size or max(decoding.beam_size, options.n_best),
        n_best=options.n_best,
        length_penalty=default if options.length_penalty is None else options.length_penalty,
        want_attention=options.explain,
        want_search=options.explain,
    )


async def _submit(
    leg: Leg, segments: Sequence[Segment], limits: GroupLimits, patience: Patience
) -> list[SegmentResult]:
    """Submit group after group; a request of which nothing is done yet may be refused for overload."""
    results: list[SegmentResult] = []
    for group in _groups(segments, limits):
        while True:
            try:
                results += await leg.model.engine.submit_all(group, deadline_s=patience.left_s())
                break
            except EngineOverloadedError as error:
                if not results and time.monotonic() >= patience.refused_after:
                    raise
                await asyncio.sleep(min(error.retry_after_s, _ROOM_POLL_S, patience.left_s()))
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


def _translated(leg: Leg, text: str, segment: Segment, result: SegmentResult) -> SegmentTranslation:
    tokenizer = leg.model.tokenizer
    candidates: dict[str, Candidate] = {}
    for hypothesis in result.hypotheses:
        target = tokenizer.decode(hypothesis.tokens).strip()  # the white space around is the source's, kept outside
        tokens = len(hypothesis.tokens) + hypothesis.finished
        candidates.setdefault(target, Candidate(target, hypothesis.log_prob / max(tokens, 1), tokens))
    best = result.hypotheses[0]
    return SegmentTranslation(
        source=text,
        language=leg.source,
        candidates=tuple(candidates.values()),
        alignment=align(text, next(iter(candidates)), segment.source, best, tokenizer),
        warnings=() if best.finished else ("truncated",),
        source_tokens=len(segment.source),
        timings=result.timings,
        explanation=explain(text, next(iter(candidates)), segment.source, best, tokenizer),
    )
