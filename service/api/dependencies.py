"""What the routes work with: the parts that create_app has wired, found through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from service.api.middleware import InFlight
from service.changes import Changes
from service.downloads import Downloads
from service.metrics import Metrics
from service.models import Models
from service.pipeline.summarize import Summarizer
from service.pipeline.translate import Translator
from service.pipeline.translation import TranslationRequest, TranslationResult
from service.settings import Settings
from service.suggestions import Suggestions


@dataclass(frozen=True)
class Services:
    """The parts of one app."""

    settings: Settings
    metrics: Metrics
    models: Models
    changes: Changes
    translator: Translator
    summarizer: Summarizer
    in_flight: InFlight
    downloads: Downloads
    suggestions: Suggestions


def services_of(request: Request) -> Services:
    """The parts of the app that `request` came to."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


ServicesDependency = Annotated[Services, Depends(services_of)]


async def translate_and_note(request: Request, asked: TranslationRequest) -> TranslationResult:
    """Translate; the log line and the metrics of `request` are told its pair, which is a served one by then."""
    result = await services_of(request).translator.translate(asked)
    request.state.pair = result.pair
    return result
