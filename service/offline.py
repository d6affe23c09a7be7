"""Translates in this process, without a server: for the command line."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import EngineUnavailableError
from service.loading import BundleLoader
from service.metrics import Metrics
from service.models import Models
from service.pipeline.translate import RequestLimits, Translator
from service.pipeline.translation import TranslationRequest
from service.settings import Settings

_A_YEAR_S = 3.2e7


async def translate_offline(settings: Settings, texts: Sequence[str], source: str, target: str) -> list[str]:
    """The translation of each text. The limits of requests do not hold here.

    Raises:
        ModelStoreError: no bundle, or a broken one. ServiceError: as Translator.translate.
    """
    metrics = Metrics()
    models = Models(BundleLoader(settings, metrics.engine_observer), metrics, settings.pivot_language)
    await models.load()
    try:
        if reasons := models.unready():
            raise EngineUnavailableError("; ".join(reasons))
        most = sum(map(len, texts)) + len(texts) + 1
        limits = RequestLimits(max_characters=most, max_texts=most, timeout_s=_A_YEAR_S)
        request = TranslationRequest(tuple(texts), source, target)
        result = await Translator(models.catalogue, limits).translate(request)
        return [translation.best.text for translation in result.translations]
    finally:
        await models.close(timeout_s=1.0)
