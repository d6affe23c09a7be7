"""Maps every error once to a status and, by path, to the shape that the API in question promises."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from model_store.errors import SegmentError
from service import errors
from service.documents.store import JobError
from service.metrics import Metrics

# The first part of LibreTranslate's paths.
_LIBRETRANSLATE = frozenset(
    {"translate", "detect", "languages", "translate_file", "download_file", "suggest", "frontend", "health", "spec"}
)
# While the models load or the process drains, a client does well to come back after this long.
_UNAVAILABLE_RETRY_S = 5.0

_BY_ERROR: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.InvalidRequestError, 400, "invalid_request"),
    (SegmentError, 400, "invalid_request"),
    (errors.UnsupportedLanguageError, 400, "unsupported_pair"),
    (errors.UnsupportedPairError, 400, "unsupported_pair"),
    (errors.ModelNotFoundError, 404, "not_found"),
    (errors.ModelConflictError, 409, "conflict"),
    (errors.ModelUnusableError, 422, "unusable_bundle"),
    (errors.AdminKeyError, 401, "unauthorized"),
    (errors.AdminOffError, 403, "forbidden"),
    (errors.ApiKeyError, 401, "unauthorized"),
    (errors.QuotaError, 429, "quota_exceeded"),
    (errors.RequestTooLargeError, 413, "too_large"),
    (errors.SuggestionsFullError, 403, "forbidden"),
    (errors.DocumentNotFoundError, 404, "not_found"),
    (errors.DocumentNotReadyError, 409, "conflict"),
    (errors.TooManyDocumentsError, 429, "too_many_documents"),
    (errors.DocumentStoreError, 503, "unavailable"),
    (errors.GlossaryNotFoundError, 404, "not_found"),
    (errors.GlossariesFullError, 403, "forbidden"),
    (errors.GlossaryStoreError, 503, "unavailable"),
    (errors.SuggestionStoreError, 503, "unavailable"),
    (errors.KeyStoreError, 503, "unavailable"),
    (errors.EngineOverloadedError, 429, "overloaded"),
    (errors.EngineUnavailableError, 503, "unavailable"),
    (errors.EngineDeadlineError, 504, "deadline_exceeded"),
)
_COMES_BACK = (
    errors.EngineUnavailableError,
    errors.DocumentStoreError,
    errors.GlossaryStoreError,
    errors.SuggestionStoreError,
    errors.KeyStoreError,
)
_BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
}
_OF_THE_BODY = (408, 413)


@dataclass(frozen=True)
class Problem:
    """An error on its way out. retry_after_s: seconds, if trying again makes sense."""

    status: int
    type: str
    message: str
    field: str | None = None
    retry_after_s: float | None = None


# What FastAPI says of a body that Python's parser gives up on.
_FASTAPI_UNREAD = "There was an error parsing the body"
UNREAD = Problem(
    400,
    "invalid_request",
    "body: cannot be read; allowed: JSON in UTF-8, not compressed, nested less than a thousand deep, with numbers of "
    "at most 4300 digits",
    "body",
)
# What nobody foresaw.
INTERNAL = Problem(500, "internal", "an error inside the service; its log has the request id")


def statuses() -> dict[str, int]:
    """Every type that a problem may have, with its status."""
    known = {name: status for _kind, status, name in _BY_ERROR} | {name: status for status, name in _BY_STATUS.items()}
    return dict(sorted((known | {INTERNAL.type: INTERNAL.status}).items()))


def install(app: FastAPI, metrics: Metrics) -> None:
    """Answer every exception of `app` by `render`, and count it."""

    def answer(request: Request, problem: Problem) -> Response:
        metrics.request_rejected(problem.type)
        return render(request.url.path, problem)

    async def service_error(request: Request, error: Exception) -> Response:
        return answer(request, service_problem(error))

    async def validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, validation_problem(error.errors(), request.headers.get("content-type", "")))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        response = answer(request, http_problem(error))
        response.headers.update(error.headers or {})
        if error.status_code == 405:  # of one path, each method is a route of its own
            response.headers["Allow"] = ", ".join(sorted(_methods(request)))
        return response

    async def any_error(request: Request, _error: Exception) -> Response:
        # Starlette logs the traceback; it says nothing to a client.
        return answer(request, INTERNAL)

    app.add_exception_handler(errors.ServiceError, service_error)
    app.add_exception_handler(SegmentError, service_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, any_error)


def _methods(request: Request) -> set[str]:
    """Those that the path of a request takes."""
    scopes = [{**request.scope, "method": method} for method in ("DELETE", "GET", "PATCH", "POST", "PUT")]
    methods = {
        str(scope["method"])
        for scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    }
    return methods | {"HEAD"} if "GET" in methods else methods


def service_problem(error: Exception) -> Problem:
    """The problem that a ServiceError (or a SegmentError) is."""
    field = error.field if isinstance(error, errors.ServiceError) else None
    retry_after_s = None
    if isinstance(error, errors.TryAgainLaterError):
        retry_after_s = error.retry_after_s
    elif isinstance(error, _COMES_BACK):
        retry_after_s = _UNAVAILABLE_RETRY_S
    for kind, status, name in _BY_ERROR:
        if isinstance(error, kind):
            return Problem(status, name, str(error), field, retry_after_s)
    return Problem(500, "internal", str(error))


def http_problem(error: HTTPException) -> Problem:
    """The problem that an error of the framework, or of a limit of bodies, is."""
    if error.detail == _FASTAPI_UNREAD:
        return UNREAD
    kind = _BY_STATUS.get(error.status_code, "invalid_request")
    return Problem(error.status_code, kind, error.detail, "body" if error.status_code in _OF_THE_BODY else None)


def job_error(error: Exception) -> JobError:
    """What is told of an error in a job, which has no response of its own."""
    problem = service_problem(error)
    known = isinstance(error, errors.ServiceError | SegmentError)
    message = problem.message if known else "an error inside the service; its log says more"
    return JobError(problem.type, message, problem.field)


def validation_problem(problems: Sequence[Mapping[str, Any]], content_type: str) -> Problem:
    """The problem that a body of the wrong shape is; the message has a part per field."""
    if isinstance(problems[0]["input"], bytes):  # it was not read, since it is not said to be JSON
        message = f"Content-Type: {content_type[:80]!r} is not read; allowed: application/json"
        return Problem(400, "invalid_request", message, "Content-Type")
    parts = []
    first = ".".join(str(part) for part in problems[0]["loc"][1:])
    for problem in problems:
        if problem["type"] == "json_invalid":
            message = f"body: not valid JSON at character {problem['loc'][-1]}: {problem['ctx']['error']}"
            return Problem(400, "invalid_request", message, "body")
        field = ".".join(str(part) for part in problem["loc"][1:]) or "body"
        got = "" if problem["type"] == "missing" else f" (got {_shown(problem['input'])})"
        parts.append(f"{field}: {problem['msg']}{got}")
    return Problem(400, "invalid_request", "; ".join(parts[:5]), first or "body")


def is_libretranslate(path: str) -> bool:
    """Whether a path is one of LibreTranslate's API."""
    return path.lstrip("/").partition("/")[0] in _LIBRETRANSLATE


def error_body(problem: Problem) -> str:
    """The JSON of an error of /v1."""
    return _json({"error": {"type": problem.type, "message": problem.message, "field": problem.field}})


def _json(body: object) -> str:
    """For people to read; a lone surrogate that a message quotes is sent as its escape, which JSON has too."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def render(path: str, problem: Problem) -> Response:
    """The response, in LibreTranslate's shape on its paths and in that of /v1 elsewhere."""
    content = _json({"error": problem.message}) if is_libretranslate(path) else error_body(problem)
    headers = {} if problem.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(problem.retry_after_s)))}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(content, problem.status, headers, "application/json")


def _shown(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
