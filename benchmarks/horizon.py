"""When may a search end, whom may it drop, and what may rank its results? What it costs and gives, with a bundle.

Decodes files of `source<TAB>target` with one horizon after the other and nothing pruned, the first of which the others
are compared to: a million tokens, with which every result is proven. Or, with --pruning, with the bundle's horizon and
one threshold after the other, compared to none; or with --channel with one weight of the way back after the other
(model_store/decoding/noisy_channel.py), or with --ngrams with one no_repeat_ngram after the other, compared to none
(model_store/decoding/repeats.py). The last line is one JSON object: BLEU, chrF, the share of outputs that
are the first's, and how many times the first's rate, by processor time, one thread. The fraction of the limit is of
that in benchmarks/limits.py, measured just before, for sentences of the mean source and output with all slots in use
and as many steps as their outputs have tokens: steps in which a search only makes sure are not in the limit.

    python -m benchmarks.horizon BUNDLE PAIRS... [--pruning 4,3,2 | --channel 0.3,0.5 | --ngrams 4] [--source ru
        --target en]
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import fmean

import torch

from benchmarks.limits import Limits, limits_of_bundle
from benchmarks.measure import machine, rounded
from benchmarks.pairs import bundle_and_pairs, read_pairs
from model_store.bundle import Bundle, load_bundle
from model_store.config import PROVEN, UNPRUNED
from model_store.decoding.in_flight import MAX_ROWS
from training.evaluation import Model
from training.metrics import score
from training.start import find_bundle


def decoded(
    bundle: Bundle, texts: Sequence[str], languages: tuple[str, str], options: Mapping[str, float]
) -> tuple[list[str], float]:
    """The outputs, and the seconds of processor time that they took. options: of decoding, instead of the bundle's."""
    model = Model.of_bundle(bundle)
    model = replace(model, decoding=model.decoding.model_copy(update=options))
    started = time.process_time()
    outputs = model.decode(texts, *languages).outputs
    return outputs, time.process_time() - started


def least_s(
    limits: Limits, bundle: Bundle, texts: Sequence[str], outputs: Sequence[str], languages: tuple[str, str]
) -> float:
    """That it takes to write these outputs."""
    tokenizer, manifest = bundle.tokenizer, bundle.manifest
    of = partial(tokenizer.source_ids, target_language=languages[1], task=manifest.task)
    source = fmean(len(of(text)) for text in texts)
    target = fmean(len(tokenizer.encode(output)) + 1 for output in outputs)
    beam = manifest.decoding.beam_size
    return limits.all_s(manifest.network, len(texts), MAX_ROWS // beam, source, target, beam)


def compared(
    bundle: Bundle,
    limits: Limits,
    pairs: Sequence[tuple[str, str]],
    languages: tuple[str, str],
    ways: Sequence[Mapping[str, float]],
) -> Iterator[dict[str, object]]:
    """The figures of each way to decode, the first of which the others are compared to."""
    sources, references = ([pair[side] for pair in pairs] for side in (0, 1))
    decoded(bundle, sources[:8], languages, ways[0])  # what the first decoder of a process sets up is not measured
    first, longest_s = decoded(bundle, sources, languages, ways[0])
    for way in ways:
        outputs, took_s = (first, longest_s) if way is ways[0] else decoded(bundle, sources, languages, way)
        metrics = score(bundle.manifest.task, sources, outputs, references)
        same = sum(one == other for one, other in zip(outputs, first, strict=True))
        yield {
            **way,
            **{each.name: rounded(each.value) for each in metrics},
            "same_outputs": rounded(same / len(pairs)),
            "rate_over_first": rounded(longest_s / took_s),
            "fraction_of_limit": rounded(least_s(limits, bundle, sources, outputs, languages) / took_s),
        }


def main() -> None:
    parser = bundle_and_pairs(__doc__)
    parser.add_argument("--horizons", default="16,8,4,2,0", help="in tokens")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--pruning", help="in nats, one figure or several, instead of horizons")
    others.add_argument("--channel", help="weights, one figure or several, instead of horizons")
    others.add_argument("--ngrams", help="in tokens, one figure or several, instead of horizons")
    options = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(find_bundle(options.bundle))
    languages = options.source, options.target
    ways: list[dict[str, float]]
    if options.channel is not None:
        ways = [{"channel_weight": weight} for weight in (0.0, *map(float, options.channel.split(",")))]
    elif options.ngrams is not None:
        ways = [{"no_repeat_ngram": ngram} for ngram in (0, *map(int, options.ngrams.split(",")))]
    elif options.pruning is None:
        horizons = (PROVEN, *map(int, options.horizons.split(",")))
        ways = [{"horizon": horizon, "pruning": UNPRUNED, "channel_weight": 0.0} for horizon in horizons]
    else:
        ways = [
            {"pruning": pruning, "channel_weight": 0.0}
            for pruning in (UNPRUNED, *map(float, options.pruning.split(",")))
        ]
    limits = limits_of_bundle(bundle, MAX_ROWS)
    results = []
    for path in options.pairs:
        pairs = read_pairs(path, *languages)[: options.count]
        for figures in compared(bundle, limits, pairs, languages, ways):
            results.append({"file": path.name, "direction": "-".join(languages), "pairs": len(pairs), **figures})
    reference = bundle.manifest.reference
    print(json.dumps({"benchmark": "horizon", "machine": machine(), "bundle": reference, "results": results}))


if __name__ == "__main__":
    main()
