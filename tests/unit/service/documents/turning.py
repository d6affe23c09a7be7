"""A translation that can be checked by eye: the words of every text in the reverse order, and which is which."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from service.documents.document import Document, DocumentFormat, Segment
from service.documents.limits import DocumentLimits
from service.engine.segment import NO_TIMINGS
from service.pipeline.markup import translate_html
from service.pipeline.translation import Candidate, Link, SegmentTranslation, TextTranslation

Change = Callable[[str], str]


def same(word: str) -> str:
    return word


def translate(segments: Sequence[Segment], change: Change = same) -> list[str]:
    """Each segment with its words turned around; inline formatting goes the way of the pipeline."""

    async def each_text(texts: Sequence[str]) -> list[TextTranslation]:
        return [_turned(text, change) for text in texts]

    async def one(segment: Segment) -> str:
        if segment.format == "text":
            done = each_text((segment.text,))
        else:
            done = translate_html((segment.text,), each_text, attributes=True)
        return (await done)[0].best.text

    async def all_of_them() -> list[str]:
        return [await one(segment) for segment in segments]

    return asyncio.run(all_of_them())


def read(format: DocumentFormat, content: bytes | str) -> Document:
    return format.read(content.encode() if isinstance(content, str) else content, DocumentLimits())


def turn(format: DocumentFormat, content: bytes | str, change: Change = same, target: str = "ru") -> bytes:
    """The document with all its texts turned around."""
    document = read(format, content)
    return document.write(translate(document.segments, change), target)


def turn_text(format: DocumentFormat, content: str, change: Change = same) -> str:
    return turn(format, content, change).decode()


def _turned(text: str, change: Change) -> TextTranslation:
    """White space around the words stays where it is."""
    words = list(re.finditer(r"\S+", text))
    if not words:
        return TextTranslation((text,))
    links, target = [], ""
    for word in reversed(words):
        target += " " if target else ""
        links.append(Link(word.span(), (len(target), len(target) + len(change(word[0])))))
        target += change(word[0])
    start, end = words[0].start(), words[-1].end()
    moved = tuple(Link((link.source[0] - start, link.source[1] - start), link.target) for link in links)
    segment = SegmentTranslation(
        source=text[start:end],
        language="en",
        candidates=(Candidate(target, -1.0, 1, alignment=moved),),
        source_tokens=1,
        timings=NO_TIMINGS,
    )
    return TextTranslation((text[:start], segment, text[end:]))
