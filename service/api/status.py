"""GET /v1/status: how the service is now, as JSON for programs and as a page for people."""

from __future__ import annotations

import platform
from importlib.metadata import version

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import HTMLResponse, JSONResponse, Response

from service.api.dependencies import Services, ServicesDependency
from service.api.model_states import Failure, ModelState, failures, model_states
from service.api.operators import is_operator
from service.api.page import HEADERS
from service.api.schemas import ErrorBody
from service.api.status_page import status_page
from service.recent import LONGEST_WINDOW_S

_WINDOWS_S = (60, LONGEST_WINDOW_S)
_VARY = {"Vary": "Accept"}

router = APIRouter(tags=["probes"])


class Rates(BaseModel):
    """What was done lately, a second. window_s: over how many seconds. refused: 429; failed: 5xx, of the requests.
    Probes do not count. segments, tokens: answered, from the cache or not."""

    window_s: float
    requests_per_s: float
    refused_per_s: float
    failed_per_s: float
    segments_per_s: float
    source_tokens_per_s: float
    target_tokens_per_s: float


class StatusAnswer(BaseModel):
    """ready, reasons: as /readyz. requests_in_progress: this one included. queue_limit_segments, queue_limit_tokens:
    what may wait for each model in each priority. failures: what could not be loaded."""

    version: str
    python: str
    torch: str
    uptime_s: float
    ready: bool
    reasons: list[str]
    requests_in_progress: int
    queue_limit_segments: int
    queue_limit_tokens: int
    models: list[ModelState]
    rates: list[Rates]
    failures: list[Failure]


@router.get(
    "/v1/status", response_model=StatusAnswer, responses={401: {"model": ErrorBody, "description": "Not the token"}}
)
async def status(request: Request, services: ServicesDependency) -> Response:
    """How the service is now: versions, models, queues, slots, rates, failures. A page if Accept prefers HTML. With
    VERSO_METRICS_TOKEN set, for whoever has that token or the admin key, as a bearer's or as the password of HTTP
    Basic; the message of a bundle that could not be loaded is told to them alone."""
    answer = status_of(services, operator=is_operator(request))
    if prefers_html(request.headers.get("accept", "")):
        return HTMLResponse(status_page(answer), headers=HEADERS | _VARY)
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"} | _VARY)


def status_of(services: Services, *, operator: bool) -> StatusAnswer:
    """The status now, with messages that may name places on the disk for an `operator`."""
    reasons = services.models.unready()
    return StatusAnswer(
        version=version("verso"),
        python=platform.python_version(),
        torch=version("torch"),
        uptime_s=round(services.metrics.recent.uptime_s, 1),
        ready=not reasons,
        reasons=reasons,
        requests_in_progress=services.in_flight.requests,
        queue_limit_segments=services.settings.max_queued_segments,
        queue_limit_tokens=services.settings.max_queued_tokens,
        models=model_states(services.models),
        rates=[_rates(services, window_s) for window_s in _WINDOWS_S],
        failures=[each if operator else Failure(model=each.model) for each in failures(services.models)],
    )


def prefers_html(accept: str) -> bool:
    """Whether an Accept header wants HTML more than JSON: browsers do, and who does not care gets JSON."""
    weights = {"text/html": 0.0, "application/json": 0.0, "*/*": 0.0}
    for part in accept.split(","):
        media_type, *parameters = (each.strip().lower() for each in part.split(";"))
        if media_type in weights:
            weights[media_type] = _weight(parameters)
    return weights["text/html"] > max(weights["application/json"], weights["*/*"])


def _weight(parameters: list[str]) -> float:
    given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0


def _rates(services: Services, window_s: int) -> Rates:
    work, took_s = services.metrics.recent.within(window_s)

    def rate(count: int) -> float:
        return round(count / max(took_s, 1.0), 3)

    return Rates(
        window_s=round(took_s, 1),
        requests_per_s=rate(work.requests),
        refused_per_s=rate(work.refused),
        failed_per_s=rate(work.failed),
        segments_per_s=rate(work.segments),
        source_tokens_per_s=rate(work.source_tokens),
        target_tokens_per_s=rate(work.target_tokens),
    )
