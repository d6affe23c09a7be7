"""What ships, for benchmarks: the translator that they measure, and texts as the service translates them with what it
would load, the newest version of each bundle, or what VERSO_MODELS and VERSO_DEFAULT_MODELS say."""

from __future__ import annotations

import asyncio
from pathlib import Path

from model_store.store import BundleStore
from service.catalogue import Catalogue
from service.loading import BundleLoader, find_bundles
from service.metrics import Metrics
from service.pipeline.request import RequestLimits
from service.pipeline.translate import Translator
from service.pipeline.translation import Format, TextTranslation, TranslationRequest
from service.settings import Settings


def newest_translator() -> Path:
    """The folder of the newest translate-en-ru that comes with Verso."""
    return BundleStore().resolve("translate-en-ru")


def translate(texts: list[str], source: str, target: str, form: Format) -> tuple[TextTranslation, ...]:
    settings = Settings()
    loader = BundleLoader(settings, Metrics().engine_observer)
    models = Catalogue(tuple(map(loader.open, find_bundles(settings))))
    most = sum(map(len, texts)) + 1
    try:
        translator = Translator(lambda: models, RequestLimits(most, most, timeout_s=36000.0))
        request = TranslationRequest(tuple(texts), source, target, format=form)
        return asyncio.run(translator.translate(request)).translations
    finally:
        for model in models.models:
            model.engine.close()
