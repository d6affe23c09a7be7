"""What a page or an app asks of the server itself: /languages, /frontend/settings, /health, /suggest, /spec."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from service.api.dependencies import ServicesDependency
from service.api.libretranslate.answers import (
    ERRORS,
    FrontendLanguage,
    FrontendLanguages,
    FrontendSettings,
    HealthAnswer,
    LanguageAnswer,
    SuggestAnswer,
    request_body,
)
from service.api.libretranslate.fields import read_fields
from service.api.libretranslate.messages import in_its_words
from service.api.libretranslate.swagger import swagger_document
from service.documents.reading import SUFFIXES
from service.errors import EngineUnavailableError
from service.languages import english_name

router = APIRouter()

_UNREADY: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (503, "default")}
_NOT_KEPT = ERRORS | {403: {**ERRORS[403], "description": "Not a key of this service, or no suggestions are kept"}}
_FRONTEND_TIMEOUT_MS = 500  # LibreTranslate's own


@router.get("/languages", responses=_UNREADY)
async def languages(services: ServicesDependency) -> list[LanguageAnswer]:
    """Every served language with what it can be translated to."""
    catalogue = services.models.catalogue()
    return [
        LanguageAnswer(code=code, name=english_name(code), targets=sorted([*catalogue.targets(code), code]))
        for code in catalogue.languages
    ]


@router.get("/frontend/settings", responses=_UNREADY)
async def frontend_settings(services: ServicesDependency) -> FrontendSettings:
    """Limits and features."""
    catalogue = services.models.catalogue()
    if not catalogue.languages:
        raise EngineUnavailableError("no model that translates is loaded")
    target = next((code for code in catalogue.languages if code != catalogue.middle), catalogue.languages[0])
    return FrontendSettings(
        charLimit=services.settings.max_characters,
        frontendTimeout=_FRONTEND_TIMEOUT_MS,
        apiKeys=bool(services.settings.keys_file),
        keyRequired=services.settings.keys_required,
        suggestions=services.suggestions.enabled,
        filesTranslation=True,
        supportedFilesFormat=list(SUFFIXES),
        language=FrontendLanguages(
            source=FrontendLanguage(code="auto", name="Auto Detect"),
            target=FrontendLanguage(code=target, name=english_name(target)),
        ),
    )


@router.get("/health", responses=_UNREADY)
async def health(services: ServicesDependency) -> HealthAnswer:
    """Whether requests are answered (LibreTranslate itself always says so)."""
    if reasons := services.models.unready():
        raise EngineUnavailableError("; ".join(reasons))
    return HealthAnswer(status="ok")


@router.post("/suggest", responses=_NOT_KEPT, openapi_extra=request_body("q", "s", "source", "target", optional=()))
async def suggest(request: Request, services: ServicesDependency) -> SuggestAnswer:
    """Keep a better translation that somebody suggests, if the operator collects them."""
    if not services.suggestions.enabled:
        raise HTTPException(403, "Suggestions are disabled on this server.")
    fields = await read_fields(request)
    q, s = fields.text("q"), fields.text("s")
    codes = fields.text("source"), fields.text("target")
    catalogue = services.models.catalogue()
    with in_its_words():
        source, target = catalogue.language(codes[0], "source"), catalogue.language(codes[1], "target")
        await services.suggestions.keep(q, s, source, target)
    return SuggestAnswer(success=True)


@router.get("/spec", include_in_schema=False)
async def spec(request: Request) -> dict[str, Any]:
    """LibreTranslate's part of the API as Swagger 2."""
    return swagger_document(request.app.openapi())
