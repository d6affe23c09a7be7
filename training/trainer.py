"""The training loop: one teacher-forced update a step, checkpoints, validation, curves; resumable at any step.

Devices, mixed precision and gradient scaling are Lightning Fabric's; what is learned and when is here. Processes that
torchrun started share the batches of each update and do otherwise the same; the first alone writes and validates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from model_store.config import NetworkConfig
from model_store.errors import ConfigError
from model_store.freed_memory import give_back_freed_memory
from model_store.network.padding import narrowed, padded
from model_store.network.seq2seq import EMBEDDING_RANGE, Seq2Seq
from training.averaging import moving_average
from training.batching import plan_epoch
from training.checkpoint import Checkpoint, Position, averaged_state, averaged_weights_of
from training.choice import mean_score
from training.config import Recipe, TrainerConfig
from training.dataset import Batch, Examples, Ints
from training.distribution import of_first, open_fabric, share, total
from training.optimizer import check_state, optimizer_of
from training.progress import ProgressLog, StepRecord
from training.rescaling import scale_embeddings
from training.schedule import learning_rate, progress
from training.teacher_forcing import TrainingStep, mean_loss

Validate = Callable[[Seq2Seq], dict[str, float]]
Build = Callable[[NetworkConfig], Seq2Seq]

_GIVE_BACK_EVERY_STEPS = 200


@dataclass(frozen=True)
class Update:
    """What one update learns from.

    batches: this process's share of them. target_tokens, source_tokens: of all. place: the position behind them.
    """

    batches: list[Batch]
    target_tokens: int
    source_tokens: int
    place: Position


@dataclass(frozen=True)
class Outcome:
    """How a run ended. average: the averaged network, on the CPU, in evaluation mode."""

    position: Position
    average: Seq2Seq


class Trainer:
    """One run of a recipe in one folder. `validate` scores the averaged network; its figures go to log and curves.

    start: a state_dict to start from instead of random weights; a checkpoint wins over it. build: makes the network.
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
        build: Build = Seq2Seq,
    ) -> None:
        _check(recipe, train, validation)
        self.recipe = recipe
        self.config: TrainerConfig = recipe.trainer
        self.train_examples = train
        self.validation_examples = validation
        self.checkpoint = checkpoint
        self.log = log
        self.validate = validate
        self.build = build
        torch.set_num_threads(self.config.threads or torch.get_num_threads())
        self.fabric = open_fabric(self.config)
        torch.manual_seed(self.config.seed)
        network = build(recipe.network)
        if start is not None:
            network.load_state_dict(start)
        else:
            scale_embeddings(network, self.config.embedding_range / EMBEDDING_RANGE)
        network = padded(network, self.config.widths_multiple_of)
        self.average = AveragedModel(network, multi_avg_fn=moving_average(self.config.average_decay)).eval()
        self.average.to(self.fabric.device)
        self.step_module, self.optimizer = self.fabric.setup(
            TrainingStep(network, self.config.label_smoothing), optimizer_of(network, self.config)
        )
        self.network = network
        self.best: dict[str, Tensor] | None = None
        self.best_score = -inf
        self.averaged_with: Sequence[dict[str, Any]] = ()
        if self.fabric.global_rank:
            torch.manual_seed(self.config.seed + self.fabric.global_rank)  # dropout of its own

    def run(self, *, max_steps: int | None = None) -> Outcome:
        """Train to the recipe's end, or `max_steps` further updates, from the checkpoint if there is one."""
        position = self._resume()
        stop_at = min(self.config.max_steps, position.step + (max_steps or self.config.max_steps))
        started = time.monotonic() - position.elapsed_s
        for update in self.updates(position):
            done = progress(self.config, position.step, position.elapsed_s)
            if position.step >= stop_at or done >= 1.0:
                break
            record = self.update(update, position.step + 1, done)
            elapsed = time.monotonic() - started
            if self.config.max_minutes is not None:
                elapsed = of_first(self.fabric, elapsed)
            position = replace(update.place, step=position.step + 1, elapsed_s=elapsed)
            if self.fabric.is_global_zero:
                self.log.step(record, progress(self.config, position.step, position.elapsed_s), position)
            if position.step % self.config.validate_every_steps == 0:
                self._validate(position)
            if position.step % self.config.checkpoint_every_steps == 0:
                self._save(position)
            if position.step % _GIVE_BACK_EVERY_STEPS == 0:
                give_back_freed_memory()
        self._save(position)
        at_end = progress(self.config, position.step, position.elapsed_s) >= 1.0
        if position.step % self.config.validate_every_steps and self._validate(position, competes=at_end):
            self._save(position)
        return Outcome(position, self._averaged().cpu().eval())

    def updates(self, position: Position) -> Iterator[Update]:
        """What one update after the other learns from, from `position` on, without end."""
        data, planned = self.train_examples, self._planned(position)
        while True:
            chosen, places = zip(*islice(planned, self.config.batches_per_step), strict=True)
            yield Update(
                [self._batch(each).to(self.fabric.device) for each in share(self.fabric, chosen)],
                sum(int(data.target_lengths[each].sum()) for each in chosen),
                sum(int(data.source_lengths[each].sum()) for each in chosen),
                places[-1],
            )

    def _batch(self, indices: Ints) -> Batch:
        """Of no examples, a batch that teaches nothing: a process has to add its gradients to the others', zero too."""
        return self.train_examples.batch(indices) if len(indices) else self.train_examples.batch([0]).unlearned()

    def _planned(self, position: Position) -> Iterator[tuple[Ints, Position]]:
        """The examples of each batch from `position` on, epoch after epoch, with the position behind the batch."""
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
                yield plan[index], Position(epoch=epoch, batch=index + 1)
            epoch, first = epoch + 1, 0

    def update(self, update: Update, step: int, done: float) -> StepRecord:
        """Learn from one update, the `step`th, counted from 1. done: share of the run that is behind, 0 to 1."""
        rate = learning_rate(self.config, step, done)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.step_module.train()
        # Processes average their gradients, which this makes the gradient of the mean over all tokens.
        scale = self.fabric.world_size / update.target_tokens
        summed = torch.zeros((), device=self.fabric.device)
        for index, batch in enumerate(update.batches):
            with self.fabric.no_backward_sync(self.step_module, enabled=index + 1 < len(update.batches)):
                loss, negative_log_likelihood = self.step_module(*batch.fields)
                self.fabric.backward(loss * scale)
            summed += negative_log_likelihood.detach()
        norm = self.fabric.clip_gradients(
            self.step_module,
            self.optimizer,
            max_norm=self.config.gradient_clip,
            error_if_nonfinite=False,
        )
        assert norm is not None
        if self.config.precision != "16-mixed" and not torch.isfinite(norm):
            raise ConfigError(
                f"trainer.learning_rate: with {rate:.3g} the gradient of update {step} is not finite; allowed: a lower "
                "one, or more warmup_steps"
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.network)
        return StepRecord(total(self.fabric, summed), update.target_tokens, update.source_tokens, rate, norm)

    @torch.no_grad()
    def _validate(self, position: Position, *, competes: bool = True) -> bool:
        """Returns whether the average was the best so far, so that it is now kept. competes: not where somebody stops
        a run that would not validate there, since stopping is to change nothing."""
        if not self.fabric.is_global_zero:
            return False
        average = self._averaged()
        figures: dict[str, float] = {}
        if len(self.validation_examples):
            figures["loss"] = mean_loss(
                average, self.validation_examples, batch_tokens=self.config.batch_tokens, device=self.fabric.device
            )
        if self.validate is not None:
            figures |= self.validate(average)
        mean = mean_score(figures, self.recipe.data.task)
        self.log.validation(figures | mean, position)
        score = max(mean.values(), default=-inf)
        if self.config.keep == "last" or not competes or score <= self.best_score:
            return False
        self.best_score = score
        self.best = {name: weight.to("cpu", copy=True) for name, weight in average.state_dict().items()}
        return True

    def _averaged(self) -> Seq2Seq:
        """In the recipe's widths."""
        average = self.average.module
        assert isinstance(average, Seq2Seq)
        return narrowed(average, self.recipe.network)

    def _save(self, position: Position) -> None:
        if not self.fabric.is_global_zero:
            return
        Checkpoint(
            position,
            narrowed(self.network, self.recipe.network).state_dict(),
            averaged_state(self._averaged().state_dict(), self.average.n_averaged),
            self.optimizer.state_dict(),
            torch.get_rng_state(),
            self.fabric.strategy.precision.state_dict(),
            torch.cuda.get_rng_state(self.fabric.device) if self.fabric.device.type == "cuda" else None,
            self.best,
            self.best_score,
            self.averaged_with,
        ).save(self.checkpoint)

    def _resume(self) -> Position:
        if not self.checkpoint.exists():
            return Position()
        saved = Checkpoint.load(self.checkpoint)
        narrow = self.build(self.recipe.network)
        for own, weights in ((self.network, saved.network), (self.average.module, averaged_weights_of(saved))):
            try:
                narrow.load_state_dict(weights)
            except RuntimeError as error:
                raise ConfigError(
                    f"checkpoint: {self.checkpoint} is of another network than the recipe's; remove it to train anew"
                ) from error
            own.load_state_dict(padded(narrow, self.config.widths_multiple_of).state_dict())
        self.average.n_averaged.copy_(saved.average["n_averaged"])
        check_state(self.optimizer, saved.optimizer, self.config, self.checkpoint)
        self.optimizer.load_state_dict(saved.optimizer)
        self.best, self.best_score, self.averaged_with = saved.best, saved.best_score, saved.averaged_with
        self.fabric.strategy.precision.load_state_dict(saved.precision)
        if self.fabric.is_global_zero:
            torch.set_rng_state(saved.random_state)
            if self.fabric.device.type == "cuda" and saved.device_random_state is not None:
                torch.cuda.set_rng_state(saved.device_random_state, self.fabric.device)
            self.log.resumed(saved.position)
        else:
            torch.manual_seed(self.config.seed + saved.position.step * self.fabric.world_size + self.fabric.global_rank)
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
