"""The API of Verso: POST /v1/translate, /v1/summarize and /v1/generate, GET /v1/models."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.dependencies import ServicesDependency, charged, failed_late, note_phases, translate_and_note
from service.api.generate_schemas import GenerateAnswer, GenerateBody, generate_answer
from service.api.glossaries import kept_terms
from service.api.model_schemas import ModelsAnswer, model_card
from service.api.schemas import ErrorBody, TranslateAnswer, TranslateBody, translate_answer
from service.api.streaming import EVENT_SCHEMA, MEDIA_TYPE, events_of
from service.api.summary_schemas import SummarizeAnswer, SummarizeBody, summarize_answer
from service.pipeline.aside import aside
from service.pipeline.writing import Told

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

_UNREADY: dict[int | str, dict[str, Any]] = {status: _ERRORS[status] for status in (503, "default")}

router = APIRouter(tags=["v1"])


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The translations; with `stream` as events: `partial` (`{index, text}`: what a translation "
        "begins with, never taken back), then `result` (this body) or `error`",
        "content": {MEDIA_TYPE: {"schema": EVENT_SCHEMA}},
    }
}


@router.post("/v1/translate", response_model=TranslateAnswer, responses=_ERRORS | _EVENTS)
async def translate(request: Request, body: TranslateBody) -> TranslateAnswer | Response:
    """Translate one text or a list of texts."""
    asked = body.request()
    if isinstance(body.glossary, str):
        asked = replace(asked, glossary=await kept_terms(request, body.glossary, body.source, body.target))

    async def work(told: Told | None = None) -> TranslateAnswer:
        result = await translate_and_note(request, asked, told)
        return await aside(lambda: translate_answer(asked, result), asked.texts)

    return await (events_of(work, partial(failed_late, request)) if body.stream else work())


@router.post("/v1/summarize", responses=_ERRORS)
async def summarize(request: Request, body: SummarizeBody, services: ServicesDependency) -> SummarizeAnswer:
    """Say in one line what a text, or each of a list of texts, is about."""
    asked = body.request()
    async with charged(request, asked.texts) as client:
        result = await services.summarizer.summarize(replace(asked, turn=replace(asked.turn, client=client)))
    note_phases(request, [part.timings for summary in result.summaries for part in summary.parts])
    request.state.pair = f"{result.language}-{result.language}"
    return await aside(lambda: summarize_answer(asked, result), asked.texts)


@router.post("/v1/generate", responses=_ERRORS)
async def generate(request: Request, body: GenerateBody, services: ServicesDependency) -> GenerateAnswer:
    """Ask a model of another task (comment, math, style), by its name."""
    asked = body.request()
    async with charged(request, asked.texts) as client:
        result = await services.generator.generate(replace(asked, turn=replace(asked.turn, client=client)))
    note_phases(request, [output.timings for output in result.outputs])
    request.state.pair = f"{result.task}-{result.language}"
    return generate_answer(asked, result)


@router.get("/v1/models", responses=_UNREADY)
async def models(services: ServicesDependency) -> ModelsAnswer:
    """The loaded models and the pairs they serve."""
    catalogue = services.models.catalogue()
    return ModelsAnswer(
        models=[model_card(model) for model in catalogue.models], failed=sorted(services.models.failures)
    )
