"""What do numbers of 16 bits cost in quality? The steps that a GPU runs, in each of its precisions, against float32.

It runs on a CPU too, by torch's kernels there: what is written is rounded as on a GPU, sums are made in another order.
The last line is one JSON object: BLEU and chrF, and the share of outputs that are those of float32.

    python -m benchmarks.precision translate-en-ru PAIRS... [--source ru --target en] [--device cuda]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.measure import machine, rounded
from benchmarks.pairs import read_pairs
from model_store.bundle import Bundle, load_bundle
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.in_flight import InFlightDecoder, decode
from model_store.decoding.occupant import Vocabulary
from model_store.decoding.segment import Segment
from training.metrics import score
from training.start import find_bundle

PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)


def decoded(
    bundle: Bundle, texts: Sequence[str], target_language: str, dtype: torch.dtype, device: torch.device
) -> list[str]:
    """The outputs, each text as one segment."""
    tokenizer, config, manifest = bundle.tokenizer, bundle.manifest.decoding, bundle.manifest
    prefix = tokenizer.prefix_ids(target_language, manifest.task)
    sources = [(*prefix, *tokenizer.encode(text), tokenizer.eos_id) for text in texts]
    longest = max(map(len, sources))
    forbidden = torch.tensor(sorted(tokenizer.control_ids), device=device)
    decoder = InFlightDecoder(
        CudaGraphBackend(bundle.network().to(device), source_capacity=longest, dtype=dtype),
        Vocabulary(tokenizer.bos_id, tokenizer.eos_id, forbidden),
        max_target_length=config.max_length(longest),
    )
    segments = [
        Segment(
            source,
            max_length=config.max_length(len(source)),
            beam_size=config.beam_size,
            length_penalty=config.length_penalty,
            horizon=config.horizon,
        )
        for source in sources
    ]
    found = dict(decode(decoder, segments))
    return [tokenizer.decode(found[index][0].tokens) for index in range(len(texts))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="name, or name@version, of one that ships, or a folder")
    parser.add_argument("pairs", type=Path, nargs="+")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="ru")
    parser.add_argument("--count", type=int, default=500, help="pairs from the start of each file")
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(find_bundle(options.bundle))
    results = []
    for path in options.pairs:
        pairs = read_pairs(path, options.source, options.target)[: options.count]
        sources, references = ([pair[side] for pair in pairs] for side in (0, 1))
        first: list[str] = []
        for dtype in PRECISIONS:
            outputs = decoded(bundle, sources, options.target, dtype, options.device)
            first = first or outputs
            same = sum(one == other for one, other in zip(outputs, first, strict=True))
            results.append(
                {
                    "file": path.name,
                    "direction": f"{options.source}-{options.target}",
                    "precision": str(dtype).removeprefix("torch."),
                    **{each.name: rounded(each.value) for each in score("translate", sources, outputs, references)},
                    "same_outputs": rounded(same / len(pairs)),
                }
            )
    reference = f"{bundle.manifest.name}@{bundle.manifest.version}"
    print(
        json.dumps(
            {"benchmark": "precision", "machine": machine(options.device), "bundle": reference, "results": results}
        )
    )


if __name__ == "__main__":
    main()
