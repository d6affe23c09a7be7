"""The admin API, /v1/admin/models: what is loaded, and changes of it. It has a key of its own, or is not there."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from model_store.errors import BundleError
from service.api.dependencies import ServicesDependency, services_of
from service.api.schemas import ErrorBody
from service.catalogue import ServedModel
from service.errors import AdminKeyError, AdminOffError
from service.models import Models


def require_admin_key(request: Request) -> None:
    """Only whoever has the key goes on; the comparison takes as long for any wrong one."""
    key = services_of(request).settings.admin_key
    if not key:
        raise AdminOffError("there is no admin API: VERSO_ADMIN_KEY is not set")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not hmac.compare_digest(given.strip().encode(), key.encode()) or scheme.lower() != "bearer":
        raise AdminKeyError("Authorization: not 'Bearer <VERSO_ADMIN_KEY>'")


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "Invalid request"},
    401: {"model": ErrorBody, "description": "Not the key"},
    403: {"model": ErrorBody, "description": "There is no admin API: VERSO_ADMIN_KEY is not set"},
    404: {"model": ErrorBody, "description": "No such model"},
    409: {"model": ErrorBody, "description": "The models cannot be changed in that way now"},
    422: {"model": ErrorBody, "description": "The bundle cannot be served"},
    "default": {"model": ErrorBody, "description": "Any other error"},
}

router = APIRouter(
    prefix="/v1/admin/models", tags=["admin"], dependencies=[Depends(require_admin_key)], responses=_ERRORS
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReferenceBody(_Body):
    """model: "name@version", or "name" for its highest version in the store."""

    model: str = Field(max_length=200, examples=["translate-en-ru@2"])


class NameBody(_Body):
    """model: the name of a bundle, without a version."""

    model: str = Field(max_length=200, examples=["translate-en-ru"])


class CanaryBody(ReferenceBody):
    """share: of the requests for the bundle, above 0, at most 1. The same text always goes to the same version."""

    share: float = Field(gt=0, le=1, examples=[0.05])


class ModelState(BaseModel):
    """One version in memory.

    role: default gets the requests; canary a share of them; loaded only those that name it; leaving finishes what it
    was asked for. requests: that hold it now. memory_bytes: an upper estimate. error: its decoder's latest failure.
    """

    model: str
    role: Literal["default", "canary", "loaded", "leaving"]
    share: float | None = None
    requests: int
    segments_running: int
    segments_waiting: int
    memory_bytes: int
    healthy: bool
    restarts: int
    error: str | None


class Failure(BaseModel):
    """A version that could not be loaded, and why."""

    model: str
    message: str


class ModelsState(BaseModel):
    """available: what is in the store. store_error: why it cannot be read. previous: what a rollback of each bundle
    leads to. used_bytes, max_bytes: memory by estimate, and what may be taken; 0 is no limit."""

    models: list[ModelState]
    available: list[str]
    store_error: str | None
    previous: dict[str, str]
    failures: list[Failure]
    used_bytes: int
    max_bytes: int


@router.get("")
async def models(services: ServicesDependency) -> ModelsState:
    """What is in memory, in the store, and failed."""
    try:
        available = await asyncio.to_thread(services.models.source.available)
    except BundleError as error:
        return _state(services.models, [], str(error))
    return _state(services.models, [str(reference) for reference in available])


@router.post("/load")
async def load(services: ServicesDependency, body: ReferenceBody) -> ModelState:
    """Have a version in memory; it gets the requests that name it, and all if it is the first of its bundle."""
    return _describe(services.models, await services.changes.load(body.model))


@router.post("/swap")
async def swap(services: ServicesDependency, body: ReferenceBody) -> ModelState:
    """Make a version the default. Answers once it is; the one before finishes its requests and is freed."""
    return _describe(services.models, await services.changes.swap(body.model))


@router.post("/rollback")
async def rollback(services: ServicesDependency, body: NameBody) -> ModelState:
    """Swap back to what was the default before."""
    return _describe(services.models, await services.changes.roll_back(body.model))


@router.post("/unload")
async def unload(services: ServicesDependency, body: ReferenceBody) -> ModelState:
    """Free a version once it has finished its requests."""
    return _describe(services.models, await services.changes.unload(body.model))


@router.put("/canary")
async def set_canary(services: ServicesDependency, body: CanaryBody) -> ModelState:
    """Give a version a share of its bundle's requests."""
    return _describe(services.models, await services.changes.set_canary(body.model, body.share))


@router.delete("/canary")
async def end_canary(services: ServicesDependency, model: str) -> ModelState:
    """Give the canary of the bundle `model` no requests any more; it stays loaded."""
    return _describe(services.models, await services.changes.end_canary(model))


def _state(models: Models, available: list[str], store_error: str | None = None) -> ModelsState:
    lineup = models.lineup
    present = (*lineup.loaded, *models.retirement.models)
    previous = {model.name: lineup.versions(model.name).previous for model in lineup.loaded}
    return ModelsState(
        models=[_describe(models, model) for model in present],
        available=available,
        store_error=store_error,
        previous={name: version for name, version in previous.items() if version is not None},
        failures=[Failure(model=model, message=message) for model, message in models.failures.items()],
        used_bytes=models.used_bytes,
        max_bytes=models.limits.max_bytes,
    )


def _describe(models: Models, model: ServedModel) -> ModelState:
    catalogue, health = models.lineup.catalogue(), model.engine.health()
    share = next((each.share for each in catalogue.canaries if each.model is model), None)
    role: Literal["default", "canary", "loaded", "leaving"] = "leaving"
    if any(each is model for each in catalogue.models):
        role = "default"
    elif share is not None:
        role = "canary"
    elif any(each is model for each in catalogue.others):
        role = "loaded"
    return ModelState(
        model=model.reference,
        role=role,
        share=share,
        requests=model.uses.count,
        segments_running=health.live,
        segments_waiting=health.queued,
        memory_bytes=model.memory_bytes,
        healthy=health.healthy,
        restarts=health.restarts,
        error=health.last_error,
    )
