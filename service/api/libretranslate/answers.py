"""What LibreTranslate's endpoints answer, and how their requests are documented."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


class ErrorAnswer(BaseModel):
    """Every error."""

    error: str


ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "Invalid request, or no API key where one is required"},
    403: {"model": ErrorAnswer, "description": "Not a key of this service"},
    429: {"model": ErrorAnswer, "description": "The queue stayed full; Retry-After says when it will not be"},
    503: {"model": ErrorAnswer, "description": "Loading or shutting down; Retry-After"},
    504: {"model": ErrorAnswer, "description": "Not finished in time"},
    "default": {"model": ErrorAnswer, "description": "Any other error"},
}


class DetectedLanguage(BaseModel):
    """confidence: 0 to 100, a whole number."""

    confidence: float = Field(ge=0, le=100, examples=[98.0])
    language: str = Field(examples=["en"])


class TranslateAnswer(BaseModel):
    """Strings for a string q, lists for a list. detectedLanguage: only for source "auto". alternatives: only if asked
    for."""

    translatedText: str | list[str]  # noqa: N815
    detectedLanguage: DetectedLanguage | list[DetectedLanguage] | None = None  # noqa: N815
    alternatives: list[str] | list[list[str]] | None = None


class LanguageAnswer(BaseModel):
    """A served language and what it can be translated to: itself (unchanged), directly, or through the pivot."""

    code: str
    name: str
    targets: list[str]


class FileAnswer(BaseModel):
    """Where the translated file can be downloaded for a while."""

    translatedFileUrl: str  # noqa: N815


class SuggestAnswer(BaseModel):
    """The suggestion was kept."""

    success: bool


class HealthAnswer(BaseModel):
    """Requests are answered."""

    status: str


class FrontendLanguage(BaseModel):
    """A language as a picker shows it."""

    code: str
    name: str


class FrontendLanguages(BaseModel):
    """What pickers start with."""

    source: FrontendLanguage
    target: FrontendLanguage


class FrontendSettings(BaseModel):
    """What a page or an app needs to know of the server. frontendTimeout: milliseconds between typing and asking."""

    charLimit: int  # noqa: N815
    frontendTimeout: int  # noqa: N815
    apiKeys: bool  # noqa: N815
    keyRequired: bool  # noqa: N815
    suggestions: bool
    filesTranslation: bool  # noqa: N815
    supportedFilesFormat: list[str]  # noqa: N815
    language: FrontendLanguages


_TEXT = {"type": "string", "minLength": 1}
_ONE_OR_MANY = {"oneOf": [_TEXT, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "q": {**_ONE_OR_MANY, "description": "Text, or in JSON a list of texts", "example": "Hello world!"},
    "s": {**_TEXT, "description": "Suggested translation"},
    "source": {**_TEXT, "description": 'Language code, or "auto"', "example": "en"},
    "target": {**_TEXT, "description": "Language code", "example": "ru"},
    "format": {"anyOf": [{"type": "string", "enum": ["text", "html"]}, {"type": "null"}], "default": "text"},
    "alternatives": {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}],
        "default": 0,
        "description": "Other translations wanted",
    },
    "file": {"type": "string", "format": "binary", "description": "File to translate"},
    "api_key": {"description": "An API key, where the server has them"},
}


def request_body(*required: str, optional: tuple[str, ...] = ("api_key",), files: bool = False) -> dict[str, Any]:
    """The documentation of a request with those fields, in each form it may come in."""
    names = (*required, *optional)
    schema = {"type": "object", "required": list(required), "properties": {name: _PROPERTIES[name] for name in names}}
    media_types = (MULTIPART,) if files else ("application/json", FORM, MULTIPART)
    return {"requestBody": {"content": {media_type: {"schema": schema} for media_type in media_types}}}
