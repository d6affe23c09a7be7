"""Luong et al. 2015, table 1: what a reversed source, dropout, attention and input feeding add in turn."""

from __future__ import annotations

from typing import Any

from training.experiments.variants import Variant

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
