"""POST /detect."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from service.api.dependencies import ServicesDependency
from service.api.libretranslate.answers import ERRORS, DetectedLanguage, request_body
from service.api.libretranslate.fields import read_fields
from service.text.detection import Detection, detect

router = APIRouter(responses=ERRORS)

# Of a text that says nothing, LibreTranslate says this.
_UNKNOWN = Detection("en", 0.0)


@router.post("/detect", openapi_extra=request_body("q"))
async def detect_language(request: Request, services: ServicesDependency) -> list[DetectedLanguage]:
    """The served languages that `q` may be in, best first; a language that is not served only if it plainly is that."""
    q = (await read_fields(request)).texts("q")
    languages = services.models.catalogue().languages
    text = q if isinstance(q, str) else "\n".join(q)
    found = await asyncio.to_thread(detect, text, languages)
    return [detected_language(each) for each in found or (_UNKNOWN,)]


def detected_language(detection: Detection) -> DetectedLanguage:
    """In LibreTranslate's percent."""
    return DetectedLanguage(confidence=round(100 * detection.confidence, 1), language=detection.language)
