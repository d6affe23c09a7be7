"""The experiments by name: what `verso-train experiment` can measure."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from training.experiments import bottleneck, luong_increments, recipe_options, techniques, vanishing_gradients
from training.experiments.series import Figure, canvas_class
from training.experiments.table import Table

Experiment: TypeAlias = Literal["vanishing-gradients", "bottleneck", "luong-increments", "recipe-options", "techniques"]

_TRAINED = {
    "luong-increments": luong_increments.measure,
    "recipe-options": recipe_options.measure,
    "techniques": techniques.measure,
}
_DRAWN = {"vanishing-gradients": vanishing_gradients.measure, "bottleneck": bottleneck.measure}


def measure(name: Experiment, data_root: Path, folder: Path, updates: int) -> Figure | Table:
    """data_root, folder, updates: of those that train on Multi30k: its corpora, where runs are kept, how long each.

    Raises ConfigError if it could not be drawn.
    """
    if name in _TRAINED:
        return _TRAINED[name](data_root, folder, updates)
    canvas_class()
    return _DRAWN[name]()
