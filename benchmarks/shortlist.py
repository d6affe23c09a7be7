"""What do shortlists cost in quality, and what do they give, with a bundle and the data that it was trained on?

Learns translations from a run's prepared pairs as `verso-train export` does, then decodes pairs of files of
`source<TAB>target` in every direction with the whole vocabulary and with lists. The last line is one JSON object: BLEU,
chrF, target tokens a second, how many outputs are the same, and how many candidates a sentence had. The fraction of the
limit is of that in benchmarks/limits.py, measured just before, for sentences of the mean source and target that take no
more steps than their targets have tokens, with all slots in use; with lists, of a vocabulary as large as the mean list.

    python -m benchmarks.shortlist translate-en-ru PAIRS... --runs runs --bundle model_store/bundles/translate-en-ru/3
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

import torch

from benchmarks.limits import Limits, limits_of_bundle, listing
from benchmarks.measure import machine, rounded
from benchmarks.pairs import read_pairs
from model_store.bundle import Bundle, load_bundle
from model_store.decoding.in_flight import MAX_ROWS, decode, open_decoder
from model_store.decoding.segment import Segment
from model_store.translations import Translations, pack_translations
from training.config import ShortlistConfig
from training.dataset import PackedPairs
from training.metrics import score
from training.run import Run
from training.shortlist import learn_translations


def translated(
    bundle: Bundle, limits: Limits, texts: list[str], target: str, translations: Mapping[str, Translations]
) -> tuple[list[str], dict[str, float]]:
    """The outputs, target tokens a second and their fraction of the limit, and candidates a sentence."""
    decoding, tokenizer = bundle.manifest.decoding, bundle.tokenizer
    room = decoding.max_source_length - tokenizer.source_prefix - 1
    sources = [(*tokenizer.prefix_ids(target), *tokenizer.encode(text)[:room], tokenizer.eos_id) for text in texts]
    decoder = open_decoder(
        bundle.network(),
        tokenizer,
        max_source_length=decoding.max_source_length,
        max_target_length=decoding.max_length(decoding.max_source_length),
        translations=translations,
    )
    segments = [Segment(source, max_length=decoding.max_length(len(source))) for source in sources]
    outputs, tokens, ends = [""] * len(texts), 0, 0
    started = time.perf_counter()
    for index, (best, *_others) in decode(decoder, segments):
        outputs[index] = tokenizer.decode(best.tokens)
        tokens += len(best.tokens)
        ends += best.finished
    took = time.perf_counter() - started
    count, beam = len(texts), segments[0].beam_size
    config = listing(bundle.manifest.network, decoder.vocabulary.shortlist, sources)
    lengths = fmean(map(len, sources)), (tokens + ends) / count
    least = limits.all_s(config, count, MAX_ROWS // beam, *lengths, beam)
    figures = {"target_tokens_per_s": rounded(tokens / took), "fraction_of_limit": rounded(least / took)}
    return outputs, {**figures, "candidates": config.vocabulary} if translations else figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("pairs", type=Path, nargs="+", help="of the first direction of the recipe")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where the recipe was prepared")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--count", type=int, default=500, help="pairs from the end of each file")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bundle = load_bundle(options.bundle)
    reference = bundle.manifest.reference
    run = Run.open(options.recipe, None, options.runs, None)
    translations = learn_translations(
        PackedPairs.load(run.folder.train),
        bundle.manifest.pairs,
        run.recipe.export.shortlist or ShortlistConfig(),
        vocabulary=bundle.tokenizer.vocabulary,
        seed=run.recipe.trainer.seed,
    )
    limits = limits_of_bundle(bundle, MAX_ROWS)
    results = []
    for path in options.pairs:
        pairs = read_pairs(path)[-options.count :]
        for direction in bundle.manifest.pairs:
            side = int(direction != bundle.manifest.pairs[0])
            sources, references = ([pair[which] for pair in pairs] for which in (side, 1 - side))
            found: dict[str, object] = {"file": path.name, "direction": "-".join(direction), "pairs": len(pairs)}
            outputs = {}
            for name, lists in (("whole", {}), ("shortlist", translations)):
                outputs[name], figures = translated(bundle, limits, sources, direction[1], lists)
                metrics = score("translate", sources, outputs[name], references)
                found[name] = {**{each.name: rounded(each.value) for each in metrics}, **figures}
            same = sum(one == other for one, other in zip(*outputs.values(), strict=True))
            found["same_outputs"] = rounded(same / max(len(pairs), 1))
            results.append(found)
    size = len(pack_translations(translations))
    result = {"benchmark": "shortlist", "machine": machine(), "bundle": reference, "bytes": size, "results": results}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
