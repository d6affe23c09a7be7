"""The API of Verso: POST /v1/translate, POST /v1/summarize, GET /v1/models."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request

from service.api.dependencies import ServicesDependency, charged, note_phases, translate_and_note
from service.api.schemas import (
    ErrorBody,
    ModelsAnswer,
    TranslateAnswer,
    TranslateBody,
    model_card,
    translate_answer,
)
from service.api.summary_schemas import SummarizeAnswer, SummarizeBody, summarize_answer

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "Invalid request, or a pair that is not served"},
    401: {"model": ErrorBody, "description": "Not a key of this service, or none where one is required"},
    404: {"model": ErrorBody, "description": "No such model"},
    413: {"model": ErrorBody, "description": "Too much text"},
    429: {"model": ErrorBody, "description": "The queue is full, or a quota used up; Retry-After"},
    503: {"model": ErrorBody, "description": "Loading or shutting down; Retry-After"},
    504: {"model": ErrorBody, "description": "Not finished in time"},
    "default": {"model": ErrorBody, "description": "Any other error"},
}

router = APIRouter(tags=["v1"], responses=_ERRORS)


@router.post("/v1/translate")
async def translate(request: Request, body: TranslateBody) -> TranslateAnswer:
    """Translate one text or a list of texts."""
    asked = body.request()
    result = await translate_and_note(request, asked)
    return await asyncio.to_thread(translate_answer, asked, result)


@router.post("/v1/summarize")
async def summarize(request: Request, body: SummarizeBody, services: ServicesDependency) -> SummarizeAnswer:
    """Say in one line what a text, or each of a list of texts, is about."""
    asked = body.request()
    turn = replace(asked.turn, client=await charged(request, asked.texts))
    result = await services.summarizer.summarize(replace(asked, turn=turn))
    note_phases(request, [part.timings for summary in result.summaries for part in summary.parts])
    request.state.pair = f"{result.language}-{result.language}"
    return await asyncio.to_thread(summarize_answer, asked, result)


@router.get("/v1/models")
async def models(services: ServicesDependency) -> ModelsAnswer:
    """The loaded models and the pairs they serve."""
    catalogue = services.models.catalogue()
    return ModelsAnswer(
        models=[model_card(model) for model in catalogue.models], failed=sorted(services.models.failures)
    )
