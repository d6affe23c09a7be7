"""Translates the segments of a document: in parts small enough for others to get their turn, a few parts at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from service.documents.document import Document, Segment
from service.documents.reading import Contents
from service.errors import (
    EngineDeadlineError,
    EngineOverloadedError,
    EngineUnavailableError,
    InvalidRequestError,
    ModelNotFoundError,
)
from service.languages import language_and_script
from service.pipeline.translate import Translator
from service.pipeline.translation import Format, TranslationRequest, TranslationResult, Turn, common_language

T = TypeVar("T")

# A part fills the decoder; what is done is kept after each.
_SEGMENTS = 32
_CHARACTERS = 4000
_PARTS_AT_ONCE = 2
_RETRY_S = 1.0
_LONGEST_WAIT_S = 5.0
# A part that is never finished in time is no victim of others any more.
_MOST_TIMEOUTS = 20


@dataclass(frozen=True)
class Order:
    """What to make of a document. source: a language code or "auto". target, model: as a request's."""

    source: str
    target: str
    model: str | None = None


@dataclass
class Report:
    """What came of it. warnings: segments that each was given with. models: "name@version" of those that wrote.
    sources: languages that it was in."""

    warnings: Counter[str] = field(default_factory=Counter)
    models: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)

    def merge(self, other: Report) -> None:
        """Of another part."""
        self.warnings.update(other.warnings)
        self.models.update(other.models)
        self.sources.update(other.sources)

    def add(self, result: TranslationResult) -> None:
        """Of one part."""
        for text in result.translations:
            self.warnings.update(text.warnings)
        self.sources.update(way.source for way in result.ways)
        self.models.update(f"{way.model_name}@{way.model_version}" for way in result.ways if way.model_name)

    def pair(self, target: str) -> str:
        """As a TranslationResult's."""
        return f"{common_language(self.sources)}-{target}"


@dataclass(frozen=True)
class Part:
    """Segments that are translated together: their places in the document, and what they have in common."""

    places: tuple[int, ...]
    texts: tuple[str, ...]
    format: Format
    language: str


Done = Callable[[Mapping[int, str], Report], Awaitable[None]]


def check_language(document: Contents | Document, target: str) -> None:
    """Raises InvalidRequestError if the document says that its translations are in another language than `target`."""
    stated = document.language
    if stated is None or language_and_script(stated) is None:
        return
    if language_and_script(stated) != language_and_script(target):
        raise InvalidRequestError(
            "target", f"{target[:40]!r}, but the file says that its translations are in {stated[:40]!r}; allowed: that"
        )


async def plan(
    translator: Translator, order: Order, segments: Sequence[Segment], done: Mapping[int, str]
) -> list[Part]:
    """The parts that are left to do.

    Raises:
        UnsupportedLanguageError, UnsupportedPairError, ModelNotFoundError, EngineUnavailableError: it cannot be done.
    """
    plain = await asyncio.to_thread(lambda: [segment.plain for segment in segments])
    languages = await translator.languages(plain, order.source, order.target, order.model)
    parts: list[Part] = []
    open_parts: dict[tuple[Format, str], list[int]] = {}
    for place, (segment, language) in enumerate(zip(segments, languages, strict=True)):
        if place in done:
            continue
        places = open_parts.setdefault((segment.format, language), [])
        size = sum(len(segments[each].text) for each in places)
        if places and (len(places) == _SEGMENTS or size + len(segment.text) > _CHARACTERS):
            parts.append(_part(segments, open_parts.pop((segment.format, language)), language))
            places = open_parts.setdefault((segment.format, language), [])
        places.append(place)
    parts += [_part(segments, places, language) for (_format, language), places in open_parts.items()]
    return sorted(parts, key=lambda part: part.places)


def _part(segments: Sequence[Segment], places: Sequence[int], language: str) -> Part:
    texts = tuple(segments[place].text for place in places)
    return Part(tuple(places), texts, segments[places[0]].format, language)


async def translate_segments(
    translator: Translator,
    order: Order,
    segments: Sequence[Segment],
    turn: Turn,
    *,
    wait_for_room_s: float | None,
    advance: Callable[[int], None] = lambda _segments: None,
) -> tuple[list[str], Report]:
    """The segments of a document, translated, while somebody waits for it. Raises as Translator.translate.

    Args:
        wait_for_room_s: as translate_parts'. advance: told of how many more are done.
    """
    texts: dict[int, str] = {}
    whole = Report()

    async def part_done(more: Mapping[int, str], report: Report) -> None:
        texts.update(more)
        whole.merge(report)
        advance(len(more))

    parts = await plan(translator, order, segments, {})
    await translate_parts(translator, order, parts, turn, part_done, wait_for_room_s=wait_for_room_s)
    return [texts[place] for place in range(len(segments))], whole


async def translate_parts(
    translator: Translator,
    order: Order,
    parts: Sequence[Part],
    turn: Turn,
    done: Done,
    *,
    wait_for_room_s: float | None,
) -> None:
    """Translate; `done` is told of each part. Raises as Translator.translate, by the first part that fails.

    Args:
        wait_for_room_s: how long a full queue is waited for, in seconds; None: `patiently`.
    """
    slots = asyncio.Semaphore(_PARTS_AT_ONCE)

    async def one(part: Part) -> None:
        async with slots:
            request = TranslationRequest(
                part.texts,
                part.language,
                order.target,
                order.model,
                format=part.format,
                attributes=True,
                wait_for_room_s=wait_for_room_s or 0.0,
                turn=turn,
            )
            if wait_for_room_s is None:
                result = await patiently(lambda model: translator.translate(replace(request, model=model)), order.model)
            else:
                result = await translator.translate(request)
        report = Report()
        report.add(result)
        texts = [text.best.text for text in result.translations]
        await done(dict(zip(part.places, texts, strict=True)), report)

    tasks = [asyncio.create_task(one(part)) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def patiently(work: Callable[[str | None], Awaitable[T]], model: str | None) -> T:
    """The result of `work` with that model, which is tried again while the models are loading or others fill the queue.
    A version or canary that is not there any more is taken for its bundle: kept for documents, which wait and run for
    hours, it would hold its memory as long, and not over a restart."""
    timeouts = 0
    while True:
        try:
            return await work(model)
        except ModelNotFoundError:
            name, at, _version = (model or "").partition("@")
            if not at:
                raise
            model = name
        except EngineOverloadedError as error:
            await asyncio.sleep(min(error.retry_after_s, _LONGEST_WAIT_S))
        except EngineUnavailableError:
            await asyncio.sleep(_RETRY_S)
        except EngineDeadlineError:
            timeouts += 1
            if timeouts == _MOST_TIMEOUTS:
                raise
