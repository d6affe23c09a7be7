"""Luong et al. 2015, table 1: what a reversed source, dropout, attention and input feeding add in turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.experiments.table import Table
from training.experiments.variants import Variant, compare_variants, multi30k_for

REVERSED = {"encoder": {"direction": "reversed"}}
DROPOUT = {**REVERSED, "dropout": 0.2}
ATTENTION = {**DROPOUT, "attention": "general"}
FEEDING = {**ATTENTION, "decoder": {"input_feeding": True}}
VARIANTS = (
    Variant("base"),
    Variant("+ reversed source", {"network": REVERSED}, "base", 1.3),
    Variant("+ dropout", {"network": DROPOUT}, "+ reversed source", 1.4),
    Variant("+ attention", {"network": ATTENTION}, "+ dropout", 2.8),
    Variant("+ input feeding", {"network": FEEDING}, "+ attention", 1.3),
)
BASE: dict[str, Any] = {
    "network": {"encoder": {"direction": "forward"}, "dropout": 0.0, "attention": "none"},
    "trainer": {"max_minutes": None, "decay": "cosine"},
}


def measure(data_root: Path, folder: Path, updates: int) -> Table:
    """All five systems on Multi30k, English to German, with as many updates each.

    data_root: the folder that the recipe multi30k-en-de finds its corpora in. folder: where runs are kept.
    """
    title = f"Multi30k, en-de, validation set: {updates} updates each, beside Luong et al. 2015, table 1 (WMT 2014)"
    return compare_variants(
        "luong-increments", title, multi30k_for(updates, BASE), VARIANTS, data_root, folder / "luong-increments"
    )
