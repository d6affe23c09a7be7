"""What is known to make recurrent translation strong, and does not ship: each tried on Multi30k."""

from __future__ import annotations

from pathlib import Path

from training.experiments.networks import layer_normalised, routed
from training.experiments.table import Table
from training.experiments.variants import Variant, compare_variants, short_multi30k

LAST = {"trainer": {"average_decay": 0.0}}
LAYERS = {"network": {"layers": 2, "residual": True}}
VARIANTS = (
    Variant("base"),
    Variant("layer-normalised cells", against="base", build=layer_normalised),
    Variant("embeddings that begin in +-0.1, not +-0.5", {"trainer": {"embedding_range": 0.1}}, "base"),
    Variant("the last weights", LAST, "base"),
    Variant("mean of the last 5 of 20 checkpoints", LAST, "the last weights", mean_of_last=5),
    Variant("two layers, residual", LAYERS, "base"),
    Variant("the same, attention routed as in GNMT", LAYERS, "two layers, residual", build=routed),
)


def measure(data_root: Path, folder: Path, updates: int) -> Table:
    """Seven systems on Multi30k, English to German, with as many updates each.

    data_root: the folder that the recipe multi30k-en-de finds its corpora in. folder: where runs are kept.
    """
    title = f"Multi30k, en-de, validation set: {updates} updates each"
    return compare_variants("techniques", title, short_multi30k(updates), VARIANTS, data_root, folder / "techniques")
