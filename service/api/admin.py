"""The admin API, /v1/admin/models: what is loaded, and changes of it. It has a key of its own, or is not there."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from model_store.errors import BundleError
from service.api.dependencies import ServicesDependency
from service.api.model_states import Failure, ModelState, failures, model_state, model_states
from service.api.operators import require_admin_key
from service.api.schemas import ErrorBody
from service.models import Models

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
    return model_state(services.models, await services.changes.load(body.model))


@router.post("/swap")
async def swap(services: ServicesDependency, body: ReferenceBody) -> ModelState:
    """Make a version the default. Answers once it is; the one before finishes its requests and is freed."""
    return model_state(services.models, await services.changes.swap(body.model))


@router.post("/rollback")
async def rollback(services: ServicesDependency, body: NameBody) -> ModelState:
    """Swap back to what was the default before."""
    return model_state(services.models, await services.changes.roll_back(body.model))


@router.post("/unload")
async def unload(services: ServicesDependency, body: ReferenceBody) -> ModelState:
    """Free a version once it has finished its requests."""
    return model_state(services.models, await services.changes.unload(body.model))


@router.put("/canary")
async def set_canary(services: ServicesDependency, body: CanaryBody) -> ModelState:
    """Give a version a share of its bundle's requests."""
    return model_state(services.models, await services.changes.set_canary(body.model, body.share))


@router.delete("/canary")
async def end_canary(services: ServicesDependency, model: str) -> ModelState:
    """Give the canary of the bundle `model` no requests any more; it stays loaded."""
    return model_state(services.models, await services.changes.end_canary(model))


def _state(models: Models, available: list[str], store_error: str | None = None) -> ModelsState:
    lineup = models.lineup
    previous = {model.name: lineup.versions(model.name).previous for model in lineup.loaded}
    return ModelsState(
        models=model_states(models),
        available=available,
        store_error=store_error,
        previous={name: version for name, version in previous.items() if version is not None},
        failures=failures(models),
        used_bytes=models.used_bytes,
        max_bytes=models.limits.max_bytes,
    )
