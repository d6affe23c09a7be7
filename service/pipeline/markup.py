"""Translates HTML: its runs of text as texts, and their tags put back by the alignment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from service.engine.segment import NO_TIMINGS
from service.pipeline.translation import Candidate, SegmentTranslation, TextTranslation
from service.text.edits import Span
from service.text.markup import Run, parse_html
from service.text.tag_placement import place_tags
from service.text.words import word_spans

TranslateTexts = Callable[[Sequence[str]], Awaitable[list[TextTranslation]]]
Links = list[tuple[Span, Span]]


async def translate_html(texts: Sequence[str], translate: TranslateTexts) -> list[TextTranslation]:
    """Translate each document; `translate` is asked once, for the text of all runs. A run is one segment of the answer,
    in HTML."""
    parsed = await asyncio.to_thread(lambda: [parse_html(text) for text in texts])
    runs = [part for parts in parsed for part in parts if isinstance(part, Run)]
    translated = await translate([run.text for run in runs])

    def joined() -> list[TextTranslation]:
        done = iter([_marked_up(*each) for each in zip(runs, translated, strict=True)])
        return [TextTranslation(tuple(next(done) if isinstance(p, Run) else p for p in parts)) for parts in parsed]

    return await asyncio.to_thread(joined)


def _marked_up(run: Run, text: TextTranslation) -> str | SegmentTranslation:
    segments = text.segments
    if not segments:  # nothing but placeholders
        return run.source
    ranks = range(max(len(segment.candidates) for segment in segments))
    candidates: dict[str, Candidate] = {}
    for rank in ranks:
        chosen = [_chosen(piece, rank) for piece in text.pieces]
        scored = [each for each in chosen if isinstance(each, Candidate)]
        tokens = sum(each.tokens for each in scored)
        target = "".join(each if isinstance(each, str) else each.text for each in chosen)
        html = place_tags(run, target, _links(text, rank))
        score = sum(each.score * each.tokens for each in scored) / max(tokens, 1)
        candidates.setdefault(html, Candidate(html, score, tokens))
    best, *others = candidates.values()
    return SegmentTranslation(
        source=run.source,
        language=segments[0].language,
        candidates=(best, *others),
        alignment=None,
        warnings=text.warnings,
        source_tokens=sum(segment.source_tokens for segment in segments),
        timings=max((s.timings for s in segments), key=lambda t: t.queue_s + t.decode_s, default=NO_TIMINGS),
    )


def _chosen(piece: str | SegmentTranslation, rank: int) -> str | Candidate:
    return piece if isinstance(piece, str) else piece.candidates[min(rank, len(piece.candidates) - 1)]


def _links(text: TextTranslation, rank: int) -> Links:
    """The words of the target, each with what it comes from, over all of the run."""
    links: Links = []
    source = target = 0
    for piece in text.pieces:
        chosen = _chosen(piece, rank)
        if isinstance(piece, str) or isinstance(chosen, str):
            read = written = str(chosen)
            found = [(span, span) for span in word_spans(written)]
        else:
            read, written = piece.source, chosen.text
            aligned = chosen.alignment
            found = _evenly(read, written) if aligned is None else [(link.source, link.target) for link in aligned]
        links += [(_shifted(s, source), _shifted(t, target)) for s, t in sorted(found, key=lambda link: link[1])]
        source, target = source + len(read), target + len(written)
    return links


def _evenly(source: str, target: str) -> Links:
    """Without attention: words in the order of the source, spread evenly."""
    read, written = word_spans(source), word_spans(target)
    return [(read[index * len(read) // len(written)], span) for index, span in enumerate(written)] if read else []


def _shifted(span: Span, by: int) -> Span:
    return span[0] + by, span[1] + by
