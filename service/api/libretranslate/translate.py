"""POST /translate."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from service.api.dependencies import ServicesDependency, translate_and_note
from service.api.libretranslate.answers import ERRORS, TranslateAnswer, request_body
from service.api.libretranslate.detect import detected_language
from service.api.libretranslate.fields import read_fields
from service.api.libretranslate.messages import in_its_words
from service.pipeline.translation import TranslationOptions, TranslationRequest

router = APIRouter(responses=ERRORS)

_BODY = request_body("q", "source", "target", optional=("format", "alternatives", "api_key"))


@router.post("/translate", openapi_extra=_BODY, response_model=TranslateAnswer, response_model_exclude_none=True)
async def translate(request: Request, services: ServicesDependency) -> dict[str, Any]:
    """Translate `q`, which comes as JSON, urlencoded, multipart or in the query string."""
    fields = await read_fields(request)
    q = fields.texts("q")
    source, target = fields.text("source"), fields.text("target")
    alternatives = fields.count("alternatives", services.settings.max_beam_size - 1)
    asked = TranslationRequest(
        texts=(q,) if isinstance(q, str) else tuple(q),
        source=source,
        target=target,
        options=TranslationOptions(n_best=alternatives + 1),
        format=fields.format(),
        wait_for_room_s=services.settings.libretranslate_wait_s,
    )
    with in_its_words():
        result = await translate_and_note(request, asked)
    texts = [each.best.text for each in result.translations]
    answer: dict[str, Any] = {"translatedText": texts}
    detected = [detected_language(way.detection) for way in result.ways if way.detection]
    if detected:
        answer["detectedLanguage"] = detected
    if alternatives:
        answer["alternatives"] = [[other.text for other in each.alternatives] for each in result.translations]
    return {name: values[0] for name, values in answer.items()} if isinstance(q, str) else answer
