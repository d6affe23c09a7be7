"""What the options that every recipe has are worth: each taken away, or added, on Multi30k."""

from __future__ import annotations

from training.experiments.variants import Variant

VARIANTS = (
    Variant("base"),
    Variant("without label smoothing (0.1)", {"trainer": {"label_smoothing": 0.0}}, "base"),
    Variant("without averaged weights (0.998)", {"trainer": {"average_decay": 0.0}}, "base"),
    Variant("embeddings not tied", {"network": {"tied_embeddings": False}}, "base"),
    Variant("without dropout (0.3)", {"network": {"dropout": 0.0}}, "base"),
    Variant("two layers", {"network": {"layers": 2}}, "base"),
    Variant("two layers, residual", {"network": {"layers": 2, "residual": True}}, "two layers"),
)
