"""What do numbers of 16 bits cost in quality? The steps that a GPU runs, in each of its precisions, against float32.

It runs on a CPU too, by torch's kernels there: what is written is rounded as on a GPU, sums are made in another order.
The last line is one JSON object: BLEU and chrF, and the share of outputs that are those of float32. Nothing is timed,
so there is no fraction of a limit; benchmarks/decoding.py has that of each precision.

    python -m benchmarks.precision translate-en-ru PAIRS... [--source ru --target en] [--device cuda]
"""

from __future__ import annotations

import json

import torch

from benchmarks.measure import machine, rounded
from benchmarks.pairs import bundle_and_pairs, read_pairs
from model_store.bundle import load_bundle
from model_store.decoding.backends.cuda_graph import CudaGraphBackend
from model_store.decoding.in_flight import InFlightDecoder
from model_store.decoding.occupant import Vocabulary
from model_store.network.seq2seq import Seq2Seq
from model_store.tokenizer import Tokenizer
from training.evaluation import Model, OpenDecoder
from training.metrics import score
from training.start import find_bundle

PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)


def opened_in(dtype: torch.dtype) -> OpenDecoder:
    """Makes decoders whose steps are those of a GPU, in that precision."""

    def opened(
        network: Seq2Seq, tokenizer: Tokenizer, *, max_source_length: int, max_target_length: int
    ) -> InFlightDecoder:
        forbidden = torch.tensor(sorted(tokenizer.control_ids), device=network.projection.weight.device)
        return InFlightDecoder(
            CudaGraphBackend(network, source_capacity=max_source_length, dtype=dtype),
            Vocabulary(tokenizer.bos_id, tokenizer.eos_id, forbidden),
            max_target_length=max_target_length,
        )

    return opened


def main() -> None:
    parser = bundle_and_pairs(__doc__)
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
            model = Model.of_bundle(bundle, opened=opened_in(dtype))
            model.network.to(options.device)
            outputs = model.decode(sources, options.source, options.target).outputs
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
    reference = bundle.manifest.reference
    print(
        json.dumps(
            {"benchmark": "precision", "machine": machine(options.device), "bundle": reference, "results": results}
        )
    )


if __name__ == "__main__":
    main()
