"""How fast does the decoder decode: one segment at a time, and with all slots kept full?

Seeded random sources of 5 to 40 tokens, targets forced to 20 tokens (EOS forbidden), beam 4, the network of a bundle or
of a recipe with random weights. Both ways run in turn, and the last line is one JSON object with medians and ranges.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from model_store.bundle import load_bundle
from model_store.decoding.backends.eager import EagerBackend
from model_store.decoding.block import Vocabulary
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.segment import Segment
from model_store.network.seq2seq import Seq2Seq
from training.config import load_recipe

TARGET_TOKENS = 20


def open_forced(network: Seq2Seq, *, max_rows: int) -> InFlightDecoder:
    """A decoder that never writes EOS, so that every target has its full length."""
    return InFlightDecoder(
        EagerBackend(network, source_capacity=48),
        Vocabulary(bos=2, eos=3, forbidden=torch.arange(4)),
        max_target_length=TARGET_TOKENS,
        max_rows=max_rows,
    )


def rates(work: Callable[[], int], rounds: int) -> dict[str, float]:
    """Target tokens a second over `rounds` runs, after one that is not counted."""
    work()
    measured = []
    for _round in range(rounds):
        started = time.perf_counter()
        tokens = work()
        measured.append(tokens / (time.perf_counter() - started))
    return {"median": statistics.median(measured), "min": min(measured), "max": max(measured)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, help="default: the shipped bundle")
    parser.add_argument("--recipe", type=Path, help="instead of a bundle: this recipe's network with random weights")
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    shipped = sorted((Path(__file__).parent.parent / "model_store" / "bundles").glob("*/*/manifest.json"))
    network = (
        Seq2Seq(load_recipe(options.recipe).network)
        if options.recipe
        else load_bundle(options.bundle or shipped[0].parent).network()
    )
    rng = random.Random(1)
    segments = [
        Segment(
            tuple(rng.randrange(4, network.config.vocabulary) for _token in range(rng.randint(5, 40))),
            max_length=TARGET_TOKENS,
        )
        for _sentence in range(options.sentences)
    ]
    alone, in_flight = open_forced(network, max_rows=4), open_forced(network, max_rows=128)

    def one_at_a_time() -> int:
        few = segments[: max(1, options.sentences // 8)]
        return sum(len(best.tokens) for each in few for _index, (best,) in decode(alone, [each]))

    def all_in_flight() -> int:
        return sum(len(best.tokens) for _index, (best,) in decode(in_flight, segments))

    print(
        json.dumps(
            {
                "benchmark": "decoding",
                "network": network.config.model_dump(include={"cell", "layers", "hidden", "vocabulary"}),
                "beam": 4,
                "threads": options.threads,
                "sentences": options.sentences,
                "target_tokens_per_s_alone": rates(one_at_a_time, options.rounds),
                "target_tokens_per_s_in_flight": rates(all_in_flight, options.rounds),
            }
        )
    )


if __name__ == "__main__":
    main()
