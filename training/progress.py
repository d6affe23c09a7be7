"""What a run shows while it goes: a line with rate and ETA, and TensorBoard curves."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from training.checkpoint import Position
from training.writing import naming

logger = logging.getLogger("verso.train")


@dataclass(frozen=True)
class StepRecord:
    """One update. negative_log_likelihood: sum over target_tokens, nats. gradient_norm: before clipping."""

    negative_log_likelihood: Tensor
    target_tokens: int
    source_tokens: int
    learning_rate: float
    gradient_norm: Tensor


class ProgressLog:
    """Gathers updates and reports every `every_steps`, so that the device is asked for figures that seldom."""

    def __init__(self, curves: Path, *, every_steps: int) -> None:
        self._folder = curves
        self._every = every_steps
        self._records: list[StepRecord] = []
        self._since = self._last = time.monotonic()

    def resumed(self, position: Position) -> None:
        logger.info("resuming at step %d, epoch %d, batch %d", position.step, position.epoch, position.batch)
        self._since = time.monotonic()

    def step(self, record: StepRecord, done: float, position: Position) -> None:
        """done: share of the run that is behind, 0 to 1."""
        self._records.append(record)
        self._last = now = time.monotonic()
        if position.step % self._every:
            return
        target = sum(each.target_tokens for each in self._records)
        source = sum(each.source_tokens for each in self._records)
        loss = float(torch.stack([each.negative_log_likelihood for each in self._records]).sum()) / target
        rate = target / (now - self._since)
        remaining = position.elapsed_s * (1 - done) / done if done else float("inf")
        logger.info(
            "step %d  epoch %d  loss %.3f  norm %.2f  lr %.2e  %.0f target tok/s  %.0f%% done, %.1f min left",
            position.step,
            position.epoch,
            loss,
            float(record.gradient_norm),
            record.learning_rate,
            rate,
            100 * done,
            remaining / 60,
        )
        for name, value in (
            ("train/loss", loss),
            ("train/learning_rate", record.learning_rate),
            ("train/gradient_norm", float(record.gradient_norm)),
            ("rate/target_tokens_per_s", rate),
            ("rate/source_tokens_per_s", source / (now - self._since)),
        ):
            self._scalar(name, value, position.step)
        self._records.clear()
        self._since = self._last = time.monotonic()

    def validation(self, figures: dict[str, float], position: Position) -> None:
        """figures: name -> value, as `loss` (nats a token) or `BLEU/<set>`."""
        if figures:
            shown = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
            logger.info("step %d  validation  %s", position.step, shown)
        for name, value in figures.items():
            self._scalar(f"validation/{name}", value, position.step)
        with naming(f"curves: {self._folder}"):
            self._curves.flush()
        self._since += time.monotonic() - self._last  # rates are of updates, not of what is done between them

    @cached_property
    def _curves(self) -> SummaryWriter:
        """Opened when there is something to write: of several processes, only one writes."""
        return SummaryWriter(str(self._folder))

    def _scalar(self, name: str, value: float, step: int) -> None:
        with naming(f"curves: {self._folder}"):
            self._curves.add_scalar(name, value, step)
