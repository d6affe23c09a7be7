"""What does storing a network as its recipe says lose? Its loss on the validation pairs, before and after.

Takes the averaged weights of a finished run and the validation pairs that `prepare` drew, in every direction. Both
networks compute in float32. The last line is one JSON object: nats a target token.

    python -m benchmarks.storage_loss RECIPE --data CORPORA [--runs runs] [--from BUNDLE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from benchmarks.measure import machine
from model_store.network.seq2seq import Seq2Seq
from training.checkpoint import averaged_weights
from training.export import stored_network
from training.run import Run
from training.teacher_forcing import mean_loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="a file, or the name of one that comes with Verso")
    parser.add_argument("--data", type=Path, help="where the corpora are, instead of data_root")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--from", dest="start_from", help="the bundle that the run started from")
    options = parser.parse_args()
    run = Run.open(options.recipe, options.data, options.runs, options.start_from)
    _train, validation = run.examples(run.tokenizer())
    weights = averaged_weights(run.folder.checkpoint)
    exact = Seq2Seq(run.recipe.network)
    exact.load_state_dict(weights)
    storage = run.recipe.export.storage
    losses = {
        name: round(
            mean_loss(network, validation, batch_tokens=run.recipe.trainer.batch_tokens, device=torch.device("cpu")),
            4,
        )
        for name, network in (("float32", exact), (f"stored as {storage}", stored_network(run.recipe, weights)))
    }
    counts = {"examples": len(validation), "target_tokens": int(validation.target_lengths.sum())}
    print(json.dumps({"benchmark": "storage_loss", "machine": machine(), "recipe": options.recipe, **counts, **losses}))


if __name__ == "__main__":
    main()
