"""What an orchestrator and a monitor ask: /livez, /readyz, /metrics."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import JSONResponse, PlainTextResponse, Response

from service.api.dependencies import ServicesDependency
from service.api.operators import require_metrics_token

router = APIRouter(tags=["probes"])


class Readiness(BaseModel):
    """reasons: why not ready; empty if ready."""

    ready: bool
    reasons: list[str]


class Liveness(BaseModel):
    """reasons: what only a new process can mend."""

    status: Literal["ok", "lost"]
    reasons: list[str]


@router.get("/livez", responses={503: {"model": Liveness}}, response_model=Liveness)
async def livez(services: ServicesDependency) -> JSONResponse:
    """200 while the process answers and can help itself; it says nothing of models that are being loaded or have failed
    to load. 503: a decoder has hung, or could not be rebuilt, for a minute, so restart the process."""
    reasons = services.models.lost()
    liveness = Liveness(status="lost" if reasons else "ok", reasons=reasons)
    return JSONResponse(liveness.model_dump(), 503 if reasons else 200)


@router.get("/readyz", responses={503: {"model": Readiness}}, response_model=Readiness)
async def readyz(services: ServicesDependency) -> JSONResponse:
    """200 if the models are loaded and warmed up, their engines are healthy, and the process is not shutting down."""
    reasons = services.models.unready()
    readiness = Readiness(ready=not reasons, reasons=reasons)
    return JSONResponse(readiness.model_dump(), 503 if reasons else 200)


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(require_metrics_token)])
async def metrics(services: ServicesDependency) -> Response:
    """Prometheus's text format; with VERSO_METRICS_TOKEN set, for whoever has that token."""
    # Beside the event loop: there are hundreds of lines, and one of them asks the disk.
    return Response(await asyncio.to_thread(services.metrics.render), media_type=CONTENT_TYPE_LATEST)
