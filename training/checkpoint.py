"""Resumable training state on disk: written whole or not at all, so a kill at any time leaves a usable one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from model_store.errors import ConfigError
from training.writing import replacing

_AVERAGED = "module."  # before the names of weights in an AveragedModel


@dataclass(frozen=True)
class Position:
    """Where a run stands. batch: batches of the epoch that are done. elapsed_s: training time behind it, seconds."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    elapsed_s: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """All a run needs to go on as if it had not stopped.

    average: the weights that are validated. best: those of the validation with the best score, if the run keeps them;
    else None. random_state, device_random_state: of the first process, on
    the CPU and on its GPU if it has one. precision: the state of fp16's gradient scaler; empty without one.
    averaged_with: what the average was made the mean with, as fields of a manifest's DataSource.
    """

    position: Position
    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizer: dict[str, Any]
    random_state: Tensor
    precision: dict[str, Any] = field(default_factory=dict)
    device_random_state: Tensor | None = None
    best: dict[str, Tensor] | None = None
    best_score: float = -inf
    averaged_with: Sequence[dict[str, Any]] = ()

    def save(self, path: Path) -> None:
        """Replace `path` in one rename.

        Raises ConfigError if it cannot be written, because the disk is full perhaps; the one before is left.
        """
        with replacing(path) as file:
            torch.save({**vars(self), "position": asdict(self.position)}, file)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read what save() wrote; tensors and plain values only.

        Raises:
            FileNotFoundError: there is none.
            ConfigError: not a whole checkpoint.
        """
        try:
            raw = torch.load(path, map_location="cpu", weights_only=True)
            raw["position"] = Position(**raw["position"])
            return cls(**raw)
        except FileNotFoundError:
            raise
        except (OSError, EOFError, RuntimeError, UnpicklingError, KeyError, TypeError) as error:
            said = str(error).partition("\n")[0].partition(". ")[0]
            reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
            raise ConfigError(
                f"checkpoint: {path} is damaged or is none; remove it to train anew ({reason})"
            ) from error


def averaged_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of the run's network, from a checkpoint: the best average if that is kept, else the last.

    Raises ConfigError if nothing was trained yet.
    """
    if not path.exists():
        raise ConfigError(f"checkpoint: {path} does not exist; train first")
    saved = Checkpoint.load(path)
    return averaged_weights_of(saved) if saved.best is None else saved.best


def averaged_weights_of(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The last average's state dict, without AveragedModel's own counter and prefix."""
    prefix, average = _AVERAGED, checkpoint.average
    return {name.removeprefix(prefix): tensor for name, tensor in average.items() if name.startswith(prefix)}


def averaged_state(weights: Mapping[str, Tensor], count: Tensor) -> dict[str, Tensor]:
    """The state dict of an AveragedModel whose network has these weights."""
    return {"n_averaged": count, **{f"{_AVERAGED}{name}": each for name, each in weights.items()}}
