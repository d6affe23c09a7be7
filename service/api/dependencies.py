"""What the routes work with: the parts that create_app has wired, found through the request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from service.access import Access
from service.api.admission import caller_of
from service.api.error_handlers import Problem
from service.api.middleware import InFlight
from service.changes import Changes
from service.documents.jobs import DocumentJobs
from service.documents.reader import DocumentReader
from service.downloads import Downloads
from service.engine.segment import Client, SegmentTimings
from service.errors import EngineDeadlineError, EngineFailedError, ServiceError
from service.glossaries import Glossaries
from service.metrics import Metrics
from service.models import Models
from service.pipeline.generate import Generator
from service.pipeline.summarize import Summarizer
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationRequest, TranslationResult
from service.pipeline.writing import Told
from service.settings import Settings
from service.suggestions import Suggestions
from service.text.segmentation import has_letter


@dataclass(frozen=True)
class Services:
    """The parts of one app."""

    settings: Settings
    metrics: Metrics
    models: Models
    changes: Changes
    translator: Translator
    summarizer: Summarizer
    generator: Generator
    in_flight: InFlight
    document_reader: DocumentReader
    documents: DocumentJobs
    downloads: Downloads
    suggestions: Suggestions
    access: Access
    glossaries: Glossaries


def services_of(request: Request) -> Services:
    """The parts of the app that `request` came to."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDependency = Annotated[Services, Depends(services_of)]


@asynccontextmanager
async def charged(
    request: Request, texts: Sequence[str], has_begun: Callable[[], bool] = lambda: False
) -> AsyncIterator[Client]:
    """While the characters of `texts` are put down to whoever sent `request`; they are given back if the request is
    refused, but not if it took too long or the decoder failed. has_begun: whether something was answered by then, and
    so nothing is given back either. Raises QuotaError if fewer are left."""
    services, caller = services_of(request), caller_of(request)
    characters = sum(map(len, texts))
    if characters > services.settings.max_characters:  # what is too large anyway costs nothing
        characters = 0
    counted = await services.access.charge(caller, characters)
    try:
        yield caller.client
    except ServiceError as error:
        if not isinstance(error, EngineDeadlineError | EngineFailedError) and not has_begun():
            await services.access.give_back(caller, counted)
        raise


def note_phases(request: Request, timings: Sequence[SegmentTimings]) -> None:
    """For the log line: how many segments, and the longest that one waited, and was decoded for, in seconds."""
    request.state.phases = {
        "segments": len(timings),
        "queue_s": round(max((each.queue_s for each in timings), default=0.0), 4),
        "decode_s": round(max((each.decode_s for each in timings), default=0.0), 4),
    }


async def translate_and_note(
    request: Request, asked: TranslationRequest, told: Told | None = None
) -> TranslationResult:
    """Translate; the log line and the metrics of `request` are told its pair, which is a served one by then. `told`
    hears what translations begin with."""
    begun = False

    def noted(index: int, text: str) -> None:
        nonlocal begun
        begun = begun or has_letter(text)  # what marks an item of a list is no translation
        assert told is not None
        told(index, text)

    async with charged(request, asked.texts, lambda: begun) as client:
        turn = replace(asked.turn, client=client)
        telling = None if told is None else noted
        result = await services_of(request).translator.translate(replace(asked, turn=turn), telling)
    request.state.pair = result.pair
    note_phases(request, [segment.timings for segment in result.segments])
    return result


def failed_late(request: Request, problem: Problem) -> None:
    """A request that has begun to be answered, with status 200, ends with `problem`: counted and logged as that."""
    services_of(request).metrics.request_rejected(problem.type)
    request.state.late_status = problem.status
