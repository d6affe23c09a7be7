"""What the admin API and the status say of a loaded version."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from model_store.config import Task
from service.catalogue import ServedModel
from service.models import Models


class ModelState(BaseModel):
    """One version in memory.

    role: default gets the requests; canary a share of them; loaded only those that name it; leaving finishes what it
    was asked for. requests: that hold it now. tokens_waiting: source tokens of the segments that wait.
    hypotheses_running: beams of the segments that run, of decoder_rows at most. memory_bytes: an upper estimate.
    error: its decoder's latest failure.
    """

    model: str
    task: Task
    device: str
    role: Literal["default", "canary", "loaded", "leaving"]
    share: float | None = None
    requests: int
    segments_running: int
    segments_waiting: int
    tokens_waiting: int
    hypotheses_running: int
    decoder_rows: int
    memory_bytes: int
    healthy: bool
    restarts: int
    error: str | None


class Failure(BaseModel):
    """A version that could not be loaded, and why; a bundle alone if no version is to blame, or "the store"."""

    model: str
    message: str | None = None


def model_states(models: Models) -> list[ModelState]:
    """Every version in memory."""
    return [model_state(models, model) for model in (*models.lineup.loaded, *models.retirement.models)]


def failures(models: Models) -> list[Failure]:
    """What could not be loaded."""
    return [Failure(model=model, message=message) for model, message in models.failed.items()]


def model_state(models: Models, model: ServedModel) -> ModelState:
    """One version."""
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
        task=model.task,
        device=model.device,
        role=role,
        share=share,
        requests=model.uses.count,
        segments_running=health.live,
        segments_waiting=health.queued,
        tokens_waiting=health.queued_tokens,
        hypotheses_running=health.hypotheses,
        decoder_rows=health.rows,
        memory_bytes=model.memory_bytes,
        healthy=health.healthy,
        restarts=health.restarts,
        error=health.last_error,
    )
