"""The experiments by name: what `verso-train experiment` can measure."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from training.experiments import bottleneck, luong_increments, recipe_options, techniques, vanishing_gradients
from training.experiments.series import Figure, canvas_class
from training.experiments.table import Table
from training.experiments.variants import on_multi30k

Experiment: TypeAlias = Literal["vanishing-gradients", "bottleneck", "luong-increments", "recipe-options", "techniques"]

_TRAINED = {
    "luong-increments": partial(
        on_multi30k,
        variants=luong_increments.VARIANTS,
        base=luong_increments.BASE,
        beside=", beside Luong et al. 2015, table 1 (WMT 2014)",
    ),
    "recipe-options": partial(on_multi30k, variants=recipe_options.VARIANTS),
    "techniques": partial(on_multi30k, variants=techniques.VARIANTS),
}
_DRAWN = {"vanishing-gradients": vanishing_gradients.measure, "bottleneck": bottleneck.measure}


def measure(name: Experiment, data_root: Path, folder: Path, updates: int) -> Figure | Table:
    """data_root, folder, updates: of those that train on Multi30k: its corpora, where runs are kept, how long each.

    Raises ConfigError if it could not be drawn.
    """
    if name in _TRAINED:
        return _TRAINED[name](name, data_root=data_root, folder=folder, updates=updates)
    canvas_class()
    return _DRAWN[name]()
