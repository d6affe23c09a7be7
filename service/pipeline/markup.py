"""Translates HTML: its runs of text as texts, and their tags put back by the alignment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from service.pipeline.translation import Candidate, SegmentTranslation, TextTranslation, mean_score
from service.text.attributes import Attribute, readable_attributes, with_attributes
from service.text.edits import Span, shifted
from service.text.markup import Run, parse_html
from service.text.tag_placement import place_tags
from service.text.words import evenly, word_spans

TranslateTexts = Callable[[Sequence[str]], Awaitable[list[TextTranslation]]]
Links = list[tuple[Span, Span]]


async def translate_html(
    texts: Sequence[str], translate: TranslateTexts, *, attributes: bool = False
) -> list[TextTranslation]:
    """Translate each document; `translate` is asked once, for the text of all runs and, if wanted, for the attributes
    that people read. A run is one segment of the answer, in HTML, and so is a tag outside of runs with attributes."""
    parsed = await asyncio.to_thread(lambda: [_parsed(text, attributes=attributes) for text in texts])
    translated = await translate([text for document in parsed for text in document.texts])

    def joined() -> list[TextTranslation]:
        done = iter(translated)
        return [document.joined([next(done) for _text in document.texts]) for document in parsed]

    return await asyncio.to_thread(joined)


@dataclass(frozen=True)
class _Document:
    """parts: as parse_html. attributes: those that are translated."""

    source: str
    parts: tuple[str | Run, ...]
    attributes: tuple[Attribute, ...]

    @property
    def texts(self) -> list[str]:
        """What is translated."""
        return [part.text for part in self.parts if isinstance(part, Run)] + [each.text for each in self.attributes]

    def joined(self, translated: Sequence[TextTranslation]) -> TextTranslation:
        """With the translation of each of `texts` in its place."""
        runs = iter(translated)
        of_runs = {place: next(runs) for place, part in enumerate(self.parts) if isinstance(part, Run)}
        values = list(zip(self.attributes, runs, strict=True))
        parts = self.parts
        if values:
            written = with_attributes(self.source, [(each, text.best.text) for each, text in values])
            parts = tuple(parse_html(written))
        pieces: list[str | SegmentTranslation] = []
        end = 0
        for place, (part, new) in enumerate(zip(self.parts, parts, strict=True)):
            source = part if isinstance(part, str) else part.source
            start, end = end, end + len(source)
            inside = [text for each, text in values if start <= each.span[0] < end]
            if isinstance(part, Run) and isinstance(new, Run):
                objects = dict(zip(part.objects, new.objects.values(), strict=True))
                html = replace(part, marks=new.marks, objects=objects)
                pieces.append(_marked_up(html, new.source, of_runs[place], inside))
            else:
                pieces.append(_tags(source, str(new), inside))
        return TextTranslation(tuple(pieces))


def _parsed(source: str, *, attributes: bool) -> _Document:
    return _Document(source, tuple(parse_html(source)), tuple(readable_attributes(source) if attributes else ()))


def _tags(source: str, written: str, attributes: Sequence[TextTranslation]) -> str | SegmentTranslation:
    """Tags outside of runs."""
    segments = [segment for text in attributes for segment in text.segments]
    return _segment(source, [Candidate(written, *_score(attributes))], segments) if segments else written


def _marked_up(
    run: Run, bare: str, text: TextTranslation, attributes: Sequence[TextTranslation]
) -> str | SegmentTranslation:
    """bare: the run as it is where nothing in it but attributes is translated."""
    inside = [segment for each in attributes for segment in each.segments]
    segments = text.segments
    if not segments:  # nothing but placeholders
        return _tags(run.source, bare, attributes)
    ranks = range(max(len(segment.candidates) for segment in segments))
    candidates: dict[str, Candidate] = {}
    for rank in ranks:
        target = "".join(piece if isinstance(piece, str) else piece.ranked(rank).text for piece in text.pieces)
        html = place_tags(run, target, _links(text, rank))
        candidates.setdefault(html, Candidate(html, *_score([text], rank, attributes)))
    return _segment(run.source, list(candidates.values()), [*segments, *inside])


def _segment(source: str, candidates: Sequence[Candidate], of: Sequence[SegmentTranslation]) -> SegmentTranslation:
    """HTML as a segment that consists of others."""
    best, *others = candidates
    warnings = dict.fromkeys(warning for segment in of for warning in segment.best.warnings)
    return SegmentTranslation(
        source=source,
        language=of[0].language,
        candidates=(replace(best, warnings=tuple(warnings)), *others),
        source_tokens=sum(segment.source_tokens for segment in of),
        timings=max((each.timings for each in of), key=attrgetter("total_s")),
    )


def _score(
    texts: Sequence[TextTranslation], rank: int = 0, attributes: Sequence[TextTranslation] = ()
) -> tuple[float, int]:
    """The mean score of all tokens, and how many they are; of attributes those of the best."""
    scored = [segment.ranked(rank) for text in texts for segment in text.segments]
    scored += [segment.best for text in attributes for segment in text.segments]
    return mean_score(scored)


def _links(text: TextTranslation, rank: int) -> Links:
    """The words of the target, each with what it comes from, over all of the run."""
    links: Links = []
    source = target = 0
    for piece in text.pieces:
        if isinstance(piece, str):
            read = written = piece
            found = [(span, span) for span in word_spans(written)]
        else:
            chosen = piece.ranked(rank)
            read, written, aligned = piece.source, chosen.text, chosen.alignment
            found = evenly(read, written) if aligned is None else [(link.source, link.target) for link in aligned]
        links += [(shifted(s, source), shifted(t, target)) for s, t in sorted(found, key=lambda link: link[1])]
        source, target = source + len(read), target + len(written)
    return links
