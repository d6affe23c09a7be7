"""The training loop: one teacher-forced update a step, checkpoints, validation, curves; resumable at any step.

Devices, mixed precision and gradient scaling are Lightning Fabric's; what is learned and when is here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from model_store.errors import ConfigError
from model_store.network.seq2seq import Seq2Seq
from training.batching import plan_epoch
from training.checkpoint import Checkpoint, Position
from training.config import Recipe, TrainerConfig
from training.dataset import Batch, Examples
from training.loss import smoothed_cross_entropy
from training.progress import ProgressLog, StepRecord
from training.schedule import learning_rate, progress

Validate = Callable[[Seq2Seq], dict[str, float]]


class TrainingStep(nn.Module):
    """Network and loss as one module, so that precision and distribution wrap both."""

    def __init__(self, network: Seq2Seq, smoothing: float) -> None:
        super().__init__()
        self.network = network
        self.smoothing = smoothing

    def forward(
        self, source: Tensor, source_lengths: Tensor, target_in: Tensor, target_out: Tensor, target_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sums over the target tokens of the smoothed loss and of the negative log-likelihood, in nats.

        Takes the fields of a Batch one by one, since Fabric converts tensors but not frozen dataclasses.
        """
        readouts = self.network(source, source_lengths, target_in)  # (B, T, R)
        projection = self.network.projection
        return smoothed_cross_entropy(
            readouts[target_mask],  # (N, R)
            projection.weight,
            projection.bias,
            target_out[target_mask],
            smoothing=self.smoothing,
        )


@dataclass(frozen=True)
class Outcome:
    """How a run ended. average: the averaged network, on the CPU, in evaluation mode."""

    position: Position
    average: Seq2Seq


class Trainer:
    """One run of a recipe in one folder. `validate` scores the averaged network; its figures go to log and curves.

    start: a state_dict to start from instead of random weights; a checkpoint wins over it.
    """

    def __init__(
        self,
        recipe: Recipe,
        train: Examples,
        validation: Examples,
        *,
        checkpoint: Path,
        log: ProgressLog,
        validate: Validate | None = None,
        start: Mapping[str, Tensor] | None = None,
    ) -> None:
        _check(recipe, train, validation)
        self.recipe = recipe
        self.config: TrainerConfig = recipe.trainer
        self.train_examples = train
        self.validation_examples = validation
        self.checkpoint = checkpoint
        self.log = log
        self.validate = validate
        if self.config.threads:
            torch.set_num_threads(self.config.threads)
        self.fabric = Fabric(accelerator="auto", devices=1, precision=self.config.precision)
        torch.manual_seed(self.config.seed)
        network = Seq2Seq(recipe.network)
        if start is not None:
            network.load_state_dict(start)
        self.average = AveragedModel(network, multi_avg_fn=_moving_average(self.config.average_decay)).eval()
        self.average.to(self.fabric.device)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=self.config.weight_decay, fused=True
        )
        self.step_module, self.optimizer = self.fabric.setup(
            TrainingStep(network, self.config.label_smoothing), optimizer
        )
        self.network = network

    def run(self, *, max_steps: int | None = None) -> Outcome:
        """Train to the recipe's end, or `max_steps` further updates, from the checkpoint if there is one."""
        position = self._resume()
        stop_at = min(self.config.max_steps, position.step + (max_steps or self.config.max_steps))
        started = time.monotonic() - position.elapsed_s
        for batch, place in self._batches(position):
            done = progress(self.config, position.step, position.elapsed_s)
            if position.step >= stop_at or done >= 1.0:
                break
            record = self._update(batch, position.step + 1, done)
            position = replace(place, step=position.step + 1, elapsed_s=time.monotonic() - started)
            self.log.step(record, progress(self.config, position.step, position.elapsed_s), position)
            if position.step % self.config.validate_every_steps == 0:
                self._validate(position)
            if position.step % self.config.checkpoint_every_steps == 0:
                self._save(position)
        self._save(position)
        if position.step % self.config.validate_every_steps:  # else it was done in the loop
            self._validate(position)
        average = self.average.module
        assert isinstance(average, Seq2Seq)
        return Outcome(position, average.cpu().eval())

    def _batches(self, position: Position) -> Iterator[tuple[Batch, Position]]:
        """Batches from `position` on, each with the position behind it."""
        epoch, first = position.epoch, position.batch
        while True:
            plan = plan_epoch(
                self.train_examples.source_lengths,
                self.train_examples.target_lengths,
                batch_tokens=self.config.batch_tokens,
                seed=self.config.seed,
                epoch=epoch,
            )
            for index in range(first, len(plan)):
                batch = self.train_examples.batch(plan[index]).to(self.fabric.device)
                yield batch, Position(epoch=epoch, batch=index + 1)
            epoch, first = epoch + 1, 0

    def _update(self, batch: Batch, step: int, done: float) -> StepRecord:
        rate = learning_rate(self.config, step, done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.step_module.train()
        tokens = batch.target_tokens
        loss, negative_log_likelihood = self.step_module(*batch.tensors)
        self.fabric.backward(loss / tokens)
        norm = self.fabric.clip_gradients(
            self.step_module,
            self.optimizer,
            max_norm=self.config.gradient_clip,
            error_if_nonfinite=self.config.precision != "16-mixed",
        )
        assert norm is not None
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.network)
        return StepRecord(negative_log_likelihood.detach(), tokens, batch.source_tokens, rate, norm)

    @torch.no_grad()
    def _validate(self, position: Position) -> None:
        average = self.average.module
        assert isinstance(average, Seq2Seq)
        figures: dict[str, float] = {}
        if len(self.validation_examples):
            step = TrainingStep(average, 0.0).eval()
            plan = plan_epoch(
                self.validation_examples.source_lengths,
                self.validation_examples.target_lengths,
                batch_tokens=self.config.batch_tokens,
                seed=0,
                epoch=0,
            )
            total, tokens = 0.0, 0
            for indices in plan:
                batch = self.validation_examples.batch(indices).to(self.fabric.device)
                total += float(step(*batch.tensors)[1])
                tokens += batch.target_tokens
            figures["loss"] = total / tokens
        if self.validate is not None:
            figures |= self.validate(average)
        self.log.validation(figures, position)

    def _save(self, position: Position) -> None:
        Checkpoint(
            position,
            self.network.state_dict(),
            self.average.state_dict(),
            self.optimizer.state_dict(),
            torch.get_rng_state(),
        ).save(self.checkpoint)

    def _resume(self) -> Position:
        if not self.checkpoint.exists():
            return Position()
        saved = Checkpoint.load(self.checkpoint)
        try:
            self.network.load_state_dict(saved.network)
        except RuntimeError as error:
            raise ConfigError(
                f"checkpoint: {self.checkpoint} is of another network than the recipe's; remove it to train anew"
            ) from error
        self.average.load_state_dict(saved.average)
        self.optimizer.load_state_dict(saved.optimizer)
        torch.set_rng_state(saved.random_state)
        self.log.resumed(saved.position)
        return saved.position


def _check(recipe: Recipe, train: Examples, validation: Examples) -> None:
    """Raises ConfigError for what would otherwise stop the run on the way, or never let it end."""
    if not len(train):
        raise ConfigError(f"data.directions: there are no training examples in {list(recipe.data.directions)}")
    lengths = (each for part in (train, validation) for each in (part.source_lengths, part.target_lengths))
    longest = max(int(each.max(initial=0)) for each in lengths)
    network = recipe.network
    if network.bounded_positions and longest > network.positions:
        raise ConfigError(
            f"network.positions: {network.positions} is too few, since there are examples of up to {longest} tokens; "
            "raise it, or lower data.max_tokens"
        )


Tensors = tuple[Tensor, ...] | list[Tensor]


def _moving_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """An exponential moving average that follows closely at first: decay grows with the count as (1 + n) / (10 + n)."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, count: Tensor | int) -> None:
        n = int(count)
        torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return update
