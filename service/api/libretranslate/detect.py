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
# As many as LibreTranslate lists, and how likely each of them is at least there, but for the first.
_MOST_LANGUAGES = 3
_LEAST_CONFIDENCE = 0.1


@router.post("/detect", openapi_extra=request_body("q"))
async def detect_language(request: Request, services: ServicesDependency) -> list[DetectedLanguage]:
    """The served languages that `q` may be in, best first: one, and up to two others with a confidence of 10 and more.
    A language that is not served only if it plainly is that."""
    q = (await read_fields(request)).texts("q")
    languages = services.models.catalogue().languages
    text = q if isinstance(q, str) else "\n".join(q)
    found = await asyncio.to_thread(detect, text, languages)
    best, *others = found or (_UNKNOWN,)
    likely = [other for other in others if other.confidence >= _LEAST_CONFIDENCE]
    return [detected_language(each) for each in (best, *likely)[:_MOST_LANGUAGES]]


def detected_language(detection: Detection) -> DetectedLanguage:
    """In LibreTranslate's percent, which are whole ones: some clients read an integer."""
    return DetectedLanguage(confidence=round(100 * detection.confidence), language=detection.language)
