"""Translates and summarizes in this process, without a server: for the command line."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from service.bulk.command import TranslateCommand
from service.bulk.in_flight_lines import Translated, Translating
from service.documents.document import Document
from service.documents.translation import Order, check_language, translate_segments
from service.errors import EngineUnavailableError
from service.loading import BundleLoader
from service.metrics import Metrics
from service.models import Models
from service.pipeline.request import RequestLimits
from service.pipeline.summarize import Format as SummaryFormat
from service.pipeline.summarize import Summarizer, Summary, SummaryRequest
from service.pipeline.translate import Translator
from service.pipeline.translation import NO_TURN, TranslationOptions, TranslationRequest
from service.settings import Settings

_A_YEAR_S = 3.2e7


@contextlib.asynccontextmanager
async def translating_offline(settings: Settings, command: TranslateCommand) -> AsyncIterator[Translating]:
    """Translates with the bundles of `settings`. The limits of requests do not hold here.

    Raises:
        ModelStoreError: no bundle, or a broken one. ServiceError: as Translator.translate.
    """
    async with _loaded(settings) as models:

        async def translate(texts: Sequence[str]) -> list[Translated]:
            request = TranslationRequest(
                tuple(texts),
                command.source,
                command.target,
                format=command.format,
                options=TranslationOptions(formality=command.formality),
                attributes=True,
                wait_for_room_s=_A_YEAR_S,
            )
            result = await Translator(models.catalogue, _limits(texts)).translate(request)
            return [Translated(each.best.text, each.warnings) for each in result.translations]

        yield Translating.in_flight(translate, [model.reference for model in models.catalogue().models])


async def summarize_offline(
    settings: Settings, texts: Sequence[str], language: str, form: SummaryFormat
) -> tuple[Summary, ...]:
    """The summary of each text. Limits and errors as translating_offline's."""
    async with _loaded(settings) as models:
        request = SummaryRequest(tuple(texts), language, format=form)
        result = await Summarizer(models.catalogue, _limits(texts)).summarize(request)
        return result.summaries


async def translate_document_offline(
    settings: Settings, document: Document, source: str, target: str, advance: Callable[[int], None]
) -> tuple[bytes, Mapping[str, int]]:
    """The translated document, and how many texts each warning was given with. advance: told of texts as they are done.
    Limits and errors as translating_offline's."""
    check_language(document, target)
    segments = document.segments
    async with _loaded(settings) as models:
        translator = Translator(models.catalogue, _limits([segment.text for segment in segments]))
        texts, report = await translate_segments(
            translator, Order(source, target), segments, NO_TURN, wait_for_room_s=None, advance=advance
        )
    return document.write(texts, target), report.warnings


@contextlib.asynccontextmanager
async def _loaded(settings: Settings) -> AsyncIterator[Models]:
    metrics = Metrics()
    models = Models(BundleLoader(settings, metrics.engine_observer), metrics, settings.pivot_language)
    await models.load()
    try:
        # An older version in the place of a damaged one is for services that must go on, and say so elsewhere.
        if reasons := list(models.failed.values()) or models.unready():
            raise EngineUnavailableError("; ".join(reasons))
        yield models
    finally:
        await models.close(timeout_s=1.0)


def _limits(texts: Sequence[str]) -> RequestLimits:
    most = sum(map(len, texts)) + len(texts) + 1
    return RequestLimits(max_characters=most, max_texts=most, timeout_s=_A_YEAR_S)
