"""What the options that every recipe has are worth: each taken away, or added, on Multi30k."""

from __future__ import annotations

from pathlib import Path

from training.experiments.table import Table
from training.experiments.variants import Variant, compare_variants, short_multi30k

VARIANTS = (
    Variant("base"),
    Variant("without label smoothing (0.1)", {"trainer": {"label_smoothing": 0.0}}, "base"),
    Variant("without averaged weights (0.998)", {"trainer": {"average_decay": 0.0}}, "base"),
    Variant("embeddings not tied", {"network": {"tied_embeddings": False}}, "base"),
    Variant("without dropout (0.3)", {"network": {"dropout": 0.0}}, "base"),
    Variant("two layers", {"network": {"layers": 2}}, "base"),
    Variant("two layers, residual", {"network": {"layers": 2, "residual": True}}, "two layers"),
)


def measure(data_root: Path, folder: Path, updates: int) -> Table:
    """Seven systems on Multi30k, English to German, with as many updates each.

    data_root: the folder that the recipe multi30k-en-de finds its corpora in. folder: where runs are kept.
    """
    title = f"Multi30k, en-de, validation set: {updates} updates each"
    return compare_variants(
        "recipe-options", title, short_multi30k(updates), VARIANTS, data_root, folder / "recipe-options"
    )
