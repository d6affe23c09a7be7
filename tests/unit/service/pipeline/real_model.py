"""Translations by a tiny random bundle through the real engine and decoder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from service.loading import BundleLoader
from service.metrics import Metrics
from service.models import Models
from service.pipeline.translate import Translator
from service.pipeline.translation import TextTranslation, TranslationOptions, TranslationRequest
from service.pipeline.writing import Told
from service.settings import Settings
from service.text.glossary import GlossaryTerm
from tests.integration.service.bundles import random_bundle


def translate_with(
    store: Path,
    texts: tuple[str, ...],
    source: str,
    target: str,
    options: TranslationOptions,
    glossary: tuple[GlossaryTerm, ...] = (),
    told: Told | None = None,
) -> tuple[TextTranslation, ...]:
    """The translations of one request; the bundle is made in `store` the first time."""
    if not (store / "random").exists():
        random_bundle(store)

    async def run() -> tuple[TextTranslation, ...]:
        settings = Settings(models=str(store), threads=1)
        metrics = Metrics()
        models = Models(BundleLoader(settings, metrics.engine_observer), metrics, settings.pivot_language)
        await models.load()
        try:
            request = TranslationRequest(texts, source, target, options=options, glossary=glossary)
            return (await Translator(models.catalogue).translate(request, told)).translations
        finally:
            await models.close(timeout_s=1.0)

    return asyncio.run(run())
