"""create_app: all wiring. There is no app and no setting at module level."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service.access import Access, Quota
from service.api import error_handlers
from service.api.admission import Admission, SecurityHeaders
from service.api.body_limits import most_bytes
from service.api.dependencies import Services
from service.api.libretranslate.cors import LibreTranslateCors
from service.api.middleware import BodyLimit, CancelOnDisconnect, HeadAsGet, InFlight, OneSlash
from service.api.openapi import tell_of_keys
from service.api.request_log import RequestLog
from service.api.routes import PARTS
from service.api.traces import RequestTrace
from service.catalogue import Catalogue
from service.changes import Changes
from service.documents.jobs import DocumentJobs, JobLimits
from service.documents.limits import DocumentLimits
from service.documents.reader import DocumentReader
from service.documents.reading import SUFFIXES
from service.documents.store import JobStore
from service.downloads import Downloads
from service.glossaries import Glossaries
from service.keys import KeyStore
from service.loading import BundleLoader, DecoderOpener
from service.memory import limit_bytes
from service.metrics import Metrics
from service.models import ModelLimits, Models, ModelSource
from service.pipeline.generate import Generator
from service.pipeline.leg import GroupLimits
from service.pipeline.request import RequestLimits
from service.pipeline.summarize import Summarizer
from service.pipeline.translate import Translator
from service.pipeline.translation import WARNINGS
from service.quota_store import QuotaStore
from service.settings import Settings
from service.suggestions import Suggestions
from service.tracing import Tracing, open_tracing
from service.watcher import Watcher

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    source: ModelSource | None = None,
    decoder_opener: DecoderOpener | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The app. source: where its models come from, if not from the bundles that `settings` names, with decoders that
    `decoder_opener` makes. tracing: where its traces go, if not to the collector that `settings` name; the app
    closes it."""
    tracing = tracing or open_tracing(settings.traces_endpoint, settings.traces_share)
    metrics = Metrics()
    models = Models(
        source or BundleLoader(settings, metrics.engine_observer, decoder_opener),
        metrics,
        settings.pivot_language,
        ModelLimits(max_bytes=settings.max_model_bytes, request_s=settings.request_timeout_s),
    )
    translator, summarizer, generator = _pipelines(settings, models, metrics)
    reader = _reader(settings)
    services = Services(
        settings=settings,
        metrics=metrics,
        models=models,
        changes=Changes(models),
        translator=translator,
        summarizer=summarizer,
        generator=generator,
        in_flight=InFlight(),
        document_reader=reader,
        documents=_documents(settings, translator, reader, metrics),
        downloads=Downloads(),
        suggestions=_suggestions(settings),
        access=_access(settings),
        glossaries=Glossaries(Path(settings.glossaries_file) if settings.glossaries_file else None),
    )
    # FastAPI's own documentation page loads its scripts from a CDN; this one carries them.
    app = FastAPIOffline(
        redoc_url=None, title="Verso", version=version("verso"), lifespan=lambda _app: _lifespan(services, tracing)
    )
    app.state.services = services
    metrics.app_started(
        ready=lambda: not models.unready(),
        failed=lambda: len(models.failed),
        queue_segments=settings.max_queued_segments,
        queue_tokens=settings.max_queued_tokens,
        memory_bytes=limit_bytes(),
        reasons=error_handlers.statuses(),
        warnings=WARNINGS,
    )
    error_handlers.install(app, metrics)
    _add_middleware(app, services, tracing)
    for part in PARTS:
        app.include_router(part.router)
    tell_of_keys(app)
    return app


def _add_middleware(app: FastAPI, services: Services, tracing: Tracing | None) -> None:
    # The last one added is the outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        BodyLimit,
        most_bytes=partial(most_bytes, settings=services.settings),
        body_s=services.settings.body_timeout_s,
        metrics=services.metrics,
    )
    app.add_middleware(Admission, access=services.access, metrics=services.metrics)
    app.add_middleware(CancelOnDisconnect)
    app.add_middleware(LibreTranslateCors, origins=services.settings.cors_origins)
    app.add_middleware(RequestLog, metrics=services.metrics, in_flight=services.in_flight)
    if tracing:
        app.add_middleware(RequestTrace, tracing=tracing)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(OneSlash)
    if services.settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(services.settings.trusted_proxies))


def _pipelines(settings: Settings, models: Models, metrics: Metrics) -> tuple[Translator, Summarizer, Generator]:
    limits = RequestLimits(
        settings.max_characters, settings.max_texts, settings.max_beam_size, settings.request_timeout_s
    )
    groups = GroupLimits(
        segments=min(GroupLimits.segments, settings.max_queued_segments),
        tokens=min(GroupLimits.tokens, settings.max_queued_tokens),
    )
    common = (models.catalogue, limits, groups, metrics.warned)
    return Translator(*common), Summarizer(*common), Generator(*common)


def _reader(settings: Settings) -> DocumentReader:
    return DocumentReader(
        DocumentLimits(
            characters=settings.max_document_characters,
            segment_characters=min(settings.max_characters, settings.max_document_characters),
            file_bytes=settings.max_document_bytes,
        )
    )


def _documents(settings: Settings, translator: Translator, reader: DocumentReader, metrics: Metrics) -> DocumentJobs:
    jobs = DocumentJobs(
        JobStore(Path(settings.documents_file) if settings.documents_file else None, kept_s=settings.document_kept_s),
        translator,
        reader,
        JobLimits(settings.max_documents, settings.max_documents_per_client),
        explain=error_handlers.job_error,
        observer=metrics.documents,
    )
    metrics.documents.watch(SUFFIXES, jobs.waiting, jobs.running)
    return jobs


def _access(settings: Settings) -> Access:
    keys = KeyStore(Path(settings.keys_file)) if settings.keys_file else None
    if keys:
        keys.keys()  # a file that cannot be read is said so at the start, not at the first key
    return Access(
        keys,
        required=settings.keys_required,
        anonymous=Quota(settings.anonymous_requests_per_minute, settings.anonymous_characters_per_day),
        store=QuotaStore(settings.quota_store),
    )


def _suggestions(settings: Settings) -> Suggestions:
    return Suggestions(
        Path(settings.suggestions_file) if settings.suggestions_file else None,
        max_characters=settings.max_characters,
        max_bytes=settings.max_suggestions_bytes,
    )


@contextlib.asynccontextmanager
async def _lifespan(services: Services, tracing: Tracing | None) -> AsyncIterator[None]:
    """Load in the background, so that /livez answers and /readyz says "loading" from the first second on."""
    background = asyncio.create_task(_load_and_watch(services))
    services.documents.start()
    try:
        yield
    finally:
        await services.documents.close()
        background.cancel()
        await asyncio.wait({background})
        await services.changes.close()
        await services.access.close()
        services.glossaries.close()
        await services.models.close(timeout_s=1.0)  # the server has waited for the requests already
        if tracing:
            await asyncio.to_thread(tracing.close)


async def _load_and_watch(services: Services) -> None:
    await services.models.load()
    _tell_of_pivot(services.models.lineup.catalogue())
    if services.settings.watch_s:
        await Watcher(services.models, services.changes, services.settings.watch_s).run()


def _tell_of_pivot(catalogue: Catalogue) -> None:
    """It may be of a bundle that is loaded later, so nothing is refused. With two languages there is no way through a
    third."""
    if catalogue.pivot and catalogue.middle is None and len(catalogue.languages) > 2:
        logger.warning(
            "VERSO_PIVOT_LANGUAGE: no loaded bundle has %r, so no pair goes through it; allowed: %s, or empty for none",
            catalogue.pivot,
            ", ".join(catalogue.languages),
        )
