"""What is known to make recurrent translation strong, or may: eleven systems, each tried on Multi30k."""

from __future__ import annotations

from typing import Any

from training.experiments.networks import layer_normalised, routed
from training.experiments.variants import Variant

LAST = {"trainer": {"average_decay": 0.0}}
LAYERS = {"network": {"layers": 2, "residual": True}}
REVERSED = "four layers, residual, source reversed, dropout 0.1"


def _reversed(window: int) -> dict[str, Any]:
    """As the translators that ship: four layers, the source read from its end; less dropout, for so short a run."""
    encoder = {"direction": "reversed"}
    network = {"layers": 4, "residual": True, "dropout": 0.1, "encoder": encoder, "embedding_window": window}
    return {"network": network}


VARIANTS = (
    Variant("base"),
    Variant("layer-normalised cells", against="base", build=layer_normalised),
    Variant("embeddings that begin in +-0.1, not +-0.5", {"trainer": {"embedding_range": 0.1}}, "base"),
    Variant("the last weights", LAST, "base"),
    Variant("mean of the last 5 of 20 checkpoints", LAST, "the last weights", mean_of_last=5),
    Variant("two layers, residual", LAYERS, "base"),
    Variant("the same, attention routed as in GNMT", LAYERS, "two layers, residual", build=routed),
    Variant("base, a window of three embeddings attended", {"network": {"embedding_window": 3}}, "base"),
    Variant(REVERSED, _reversed(0)),
    *(
        Variant(f"the same, {words} attended", _reversed(window), REVERSED)
        for window, words in ((1, "each token's embedding"), (3, "a window of three embeddings"))
    ),
)
