"""What a server answers its client: typed answers, and errors as exceptions.

AnswerError                 whatever else it refuses
├── BadRequestError     400  a field is outside what is allowed
├── KeyRefusedError     401  not a key of the server, or none where one is required; 403 of LibreTranslate's paths
├── PairNotServedError  400  no model serves the pair
├── NotFoundError       404  no such model
├── TooLargeError       413  more text than it takes at once
├── OverloadedError     429  its queue is full
├── UnavailableError    503  loading or shutting down
└── DeadlineError       504  not done in time
ConnectionFailedError       no answer at all
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from service.errors import ServiceError

T = TypeVar("T")


class AnswerError(ServiceError):
    """The server refused. type: its word for the reason. retry_after_s: when to try again, if that makes sense."""

    def __init__(
        self, message: str, *, status: int, type: str, field: str | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.field = field
        self.retry_after_s = retry_after_s


class BadRequestError(AnswerError):
    """A field is outside what is allowed; the message names it."""


class KeyRefusedError(AnswerError):
    """Not an API key of the server, or none where one is required."""


class PairNotServedError(AnswerError):
    """No model serves the pair; the message lists those that are served."""


class NotFoundError(AnswerError):
    """There is no such model."""


class TooLargeError(AnswerError):
    """More text than the server takes at once."""


class OverloadedError(AnswerError):
    """The queue is full; `retry_after_s` says when it will not be."""


class UnavailableError(AnswerError):
    """Loading, or shutting down."""


class DeadlineError(AnswerError):
    """Not done in time."""


class ConnectionFailedError(ServiceError):
    """The server does not answer."""


_BY_TYPE: dict[str, type[AnswerError]] = {
    "invalid_request": BadRequestError,
    "unauthorized": KeyRefusedError,
    "unsupported_pair": PairNotServedError,
    "not_found": NotFoundError,
    "too_large": TooLargeError,
    "overloaded": OverloadedError,
    "unavailable": UnavailableError,
    "deadline_exceeded": DeadlineError,
}
# LibreTranslate's part of the API answers errors without a type.
_BY_STATUS = {400: "invalid_request", 403: "unauthorized", 404: "not_found", 429: "overloaded", 503: "unavailable"}


class _Answer(BaseModel):
    # A newer server may say more.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Link(_Answer):
    """A target token and the source token it attends to most, as [start, end) in code points."""

    source: tuple[int, int]
    target: tuple[int, int]


class Detection(_Answer):
    """A language, and how likely it is: 0 to 1 with a translation, 0 to 100 from `detect`."""

    language: str
    confidence: float


class Alternative(_Answer):
    """Another translation. alignment: as of a Translation."""

    text: str
    score: float
    alignment: tuple[Link, ...] | None = None


class Translation(_Answer):
    """A translated text. score: mean natural-log probability of a token; None if nothing went through a model."""

    text: str
    source: str
    score: float | None
    warnings: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    alignment: tuple[Link, ...] | None = None
    detected: Detection | None = None
    via: str | None = None


class Summary(_Answer):
    """A summary, in `language`. score, detected: as of a Translation."""

    text: str
    language: str
    score: float | None
    warnings: tuple[str, ...] = ()
    detected: Detection | None = None


class _Error(_Answer):
    type: str = ""
    message: str
    field: str | None = None


class DocumentState(_Answer):
    """A document that is being translated. state: "queued", "running", "done" or "failed". segments: texts in it.
    warnings: how many texts each was given with. error: why it failed."""

    id: str
    name: str
    state: str
    segments: int
    segments_done: int
    warnings: dict[str, int]
    error: _Error | None = None


class Output(_Answer):
    """What a model of another task has written. score: as of a Translation."""

    text: str
    score: float
    warnings: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()


class Language(_Answer):
    """A served language. targets: what it can be translated to."""

    code: str
    name: str
    targets: tuple[str, ...]


class Pair(_Answer):
    """A direction of a model."""

    source: str
    target: str


class Model(_Answer):
    """A loaded model."""

    name: str
    version: str
    task: str
    pairs: tuple[Pair, ...]
    description: str = ""


_ERROR: TypeAdapter[_Error | str] = TypeAdapter(_Error | str)


class _Translations(_Answer):
    translations: list[Translation]


class _Summaries(_Answer):
    summaries: list[Summary]


class _Outputs(_Answer):
    outputs: list[Output]


class _Models(_Answer):
    models: list[Model]


def content_of(response: httpx.Response) -> bytes:
    """What an answer that is no JSON has in it. Raises AnswerError for an error."""
    if not response.is_success:
        read(response)
    return response.content


def read(response: httpx.Response) -> object:
    """The JSON of an answer. Raises AnswerError for an error, and for what is no answer of a Verso server."""
    body: Any = None
    try:
        body = response.json()
        if response.is_success:
            return body
        error = _ERROR.validate_python(body["error"])
    except (ValueError, KeyError, TypeError) as problem:
        shown = response.text[:200]
        message = f"{response.url} answers {response.status_code} as no Verso server does: {shown!r}"
        raise AnswerError(message, status=response.status_code, type="internal") from problem
    retry_after = response.headers.get("retry-after", "")
    raise _refused(error, response.status_code, float(retry_after) if retry_after.isdecimal() else None)


def _refused(error: _Error | str, status: int, retry_after_s: float | None = None) -> AnswerError:
    if isinstance(error, str):
        error = _Error(type=_BY_STATUS.get(status, "internal"), message=error)
    kind = _BY_TYPE.get(error.type, AnswerError)
    return kind(error.message, status=status, type=error.type, field=error.field, retry_after_s=retry_after_s)


def unreachable(url: httpx.URL, error: httpx.TransportError) -> ConnectionFailedError:
    """The exception for a server that does not answer."""
    return ConnectionFailedError(f"{url}: no answer: {error or type(error).__name__}")


def translations_of(body: object) -> list[Translation]:
    """The answers of /v1/translate."""
    return _valid(TypeAdapter(_Translations), body).translations


def summaries_of(body: object) -> list[Summary]:
    """The answers of /v1/summarize."""
    return _valid(TypeAdapter(_Summaries), body).summaries


def outputs_of(body: object) -> list[Output]:
    """The answers of /v1/generate."""
    return _valid(TypeAdapter(_Outputs), body).outputs


def event_of(line: str) -> str | None:
    """The text that a line of an event stream tells of a single translation. Raises AnswerError for an error."""
    field, _, data = line.partition(": ")
    if field != "data":
        return None
    body = json.loads(data)
    if "error" in body:
        raise _refused(_valid(_ERROR, body["error"]), status=200)
    return str(body["text"]) if "text" in body else translations_of(body)[0].text


def models_of(body: object) -> list[Model]:
    """The answer of /v1/models."""
    return _valid(TypeAdapter(_Models), body).models


def document_of(body: object) -> DocumentState:
    """The answer of /v1/documents."""
    return _valid(TypeAdapter(DocumentState), body)


def languages_of(body: object) -> list[Language]:
    """The answer of /languages."""
    return _valid(TypeAdapter(list[Language]), body)


def detections_of(body: object) -> list[Detection]:
    """The answer of /detect."""
    return _valid(TypeAdapter(list[Detection]), body)


def _valid(kind: TypeAdapter[T], body: object) -> T:
    try:
        return kind.validate_python(body)
    except ValidationError as error:
        raise AnswerError(
            f"the answer is not what a Verso server says: {error}", status=200, type="internal"
        ) from error
