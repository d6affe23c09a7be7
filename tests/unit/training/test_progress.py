"""What a run shows: a line every few steps, figures a token, and curves that TensorBoard reads."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]

from training.checkpoint import Position
from training.progress import ProgressLog, StepRecord


def record(loss: float, tokens: int) -> StepRecord:
    """`loss` in nats a token."""
    return StepRecord(torch.tensor(loss * tokens), tokens, 2 * tokens, 0.25, torch.tensor(1.5))


def test_reports_every_few_steps_the_loss_a_token_and_the_time_that_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = ProgressLog(tmp_path, every_steps=2)
    with caplog.at_level(logging.INFO, logger="verso.train"):
        for step, (loss, tokens) in enumerate([(8.0, 10), (2.0, 30), (1.0, 10)], start=1):
            log.step(record(loss, tokens), step / 8, Position(step, elapsed_s=60.0 * step))
        log.validation({"loss": 3.25, "bleu/words": 12.5}, Position(3))
        log.resumed(Position(7, 2, 5))
    lines = [each.getMessage() for each in caplog.records]
    assert len(lines) == 3
    assert lines[0].startswith("step 2  epoch 0  loss 3.500  norm 1.50  lr 2.50e-01")
    assert lines[0].endswith("target tok/s  25% done, 6.0 min left")
    assert lines[1] == "step 3  validation  loss 3.250  bleu/words 12.500"
    assert lines[2] == "resuming at step 7, epoch 2, batch 5"


def test_curves_are_there_for_tensorboard(tmp_path: Path) -> None:
    log = ProgressLog(tmp_path, every_steps=1)
    for step in (1, 2):
        log.step(record(float(step), 10), step / 8, Position(step, elapsed_s=1.0))
    log.validation({"loss": 3.25}, Position(2))
    curves = EventAccumulator(str(tmp_path)).Reload()
    assert [(each.step, each.value) for each in curves.Scalars("train/loss")] == [(1, 1.0), (2, 2.0)]
    assert [(each.step, each.value) for each in curves.Scalars("validation/loss")] == [(2, 3.25)]
    rate = {name: curves.Scalars(f"rate/{name}_tokens_per_s")[0].value for name in ("source", "target")}
    assert rate["source"] == pytest.approx(2 * rate["target"], rel=1e-5)


def test_the_rate_is_of_updates_and_not_of_validating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("training.progress.time.monotonic", lambda: clock[0])
    log = ProgressLog(tmp_path, every_steps=4)
    for step in range(1, 9):
        clock[0] += 1.0
        log.step(record(1.0, 30), step / 8, Position(step, elapsed_s=1.0))
        if step == 6:
            clock[0] += 50.0
            log.validation({}, Position(step))
    log.validation({}, Position(8))  # writes what is gathered
    curves = EventAccumulator(str(tmp_path)).Reload()
    assert [each.value for each in curves.Scalars("rate/target_tokens_per_s")] == [30.0, 30.0]
