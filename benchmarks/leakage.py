"""What of a recipe's held-out sets is in training data? Near duplicates of sources, and references that stand there.

Looks through the pairs that `prepare` keeps to learn from, or through other files of pairs. A near duplicate has word
triples whose Jaccard similarity is at least --threshold. A reference is known if it is a side of a pair, but for case
and punctuation. A bundle is scored on known and unknown ones apart, and for summaries so is the first sentence. The
last line is one JSON object.

    python -m benchmarks.leakage RECIPE --data CORPORA [--only SET] [--files FILE...] [--bundle BUNDLE]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from benchmarks.measure import machine, rounded
from benchmarks.pairs import read_pairs
from model_store.bundle import load_bundle
from model_store.config import Task
from training.cleaning import fold
from training.evaluation import LeadSentence, Model, System, TestSet, evaluate
from training.metrics import score, words
from training.near_duplicates import shingles
from training.preparation import learned_pairs
from training.run import Run
from training.start import find_bundle

FEW_WORDS = 5  # a source of fewer has hardly a triple to be told by


def leaks(
    sources: Sequence[str], references: Sequence[str], texts: Iterable[str], threshold: float, task: Task
) -> tuple[set[int], set[int]]:
    """The numbers of sources with a near duplicate among `texts`, and of references that are among them."""
    triples = [set(shingles(source)) for source in sources]
    having: dict[bytes, list[int]] = {}
    for number, found in enumerate(triples):
        for triple in found:
            having.setdefault(triple, []).append(number)
    places: dict[bytes, set[int]] = {}
    for number, reference in enumerate(references):
        places.setdefault(fold(reference, task), set()).add(number)
    near: set[int] = set()
    known: set[int] = set()
    for text in texts:
        known |= places.get(fold(text, task), set())
        own = set(shingles(text))
        shared = Counter(chain.from_iterable(having.get(triple, ()) for triple in own))
        near |= {each for each, n in shared.items() if n / (len(triples[each]) + len(own) - n) >= threshold}
    return near, known


def scores(systems: dict[str, System], test_set: TestSet, task: Task, parts: dict[str, list[int]]) -> dict[str, object]:
    """The metrics of each system on each part of the set that is not empty."""
    found: dict[str, object] = {}
    for name, system in systems.items():
        outputs = evaluate(system, test_set, task).outputs
        for part, numbers in parts.items():
            if numbers:
                columns = ([column[n] for n in numbers] for column in (test_set.sources, outputs, test_set.references))
                found[f"{name}, {part}"] = {each.name: rounded(each.value) for each in score(task, *columns)}
    return found


def figures(test_set: TestSet, near: set[int], known: set[int]) -> dict[str, object]:
    """How many of the set's texts leaked."""
    return {
        "set": test_set.name,
        "direction": test_set.direction,
        "texts": len(test_set.sources),
        "near_duplicates": len(near),
        "of_five_words_or_more": sum(len(words(test_set.sources[each])) >= FEW_WORDS for each in near),
        "references_known": len(known),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", help="a file, or the name of one that comes with Verso")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", action="append", default=[], help="this held-out set only; repeatable")
    parser.add_argument("--files", type=Path, nargs="+", help="of pairs, instead of what the recipe learns from")
    parser.add_argument("--threshold", type=float, default=0.6)
    parser.add_argument("--bundle", help="name, or name@version, of one that ships, or a folder")
    options = parser.parse_args()
    run = Run.open(options.recipe, options.data, options.runs, None)
    data = run.recipe.data
    sets = run.test_sets(tuple(options.only))
    if options.files:
        pairs = [pair for path in options.files for pair in read_pairs(path)]
    else:
        pairs = [(pair.left, pair.right) for pair in learned_pairs(run.recipe, run.data_root)]
    sources = [text for each in sets for text in each.sources]
    references = [text for each in sets for text in each.references]
    near, known = leaks(sources, references, chain.from_iterable(pairs), options.threshold, data.task)
    systems: dict[str, System] = {}
    if options.bundle is not None:
        bundle = load_bundle(find_bundle(options.bundle))
        systems["bundle"] = Model.of_bundle(bundle, cut_source_tokens=data.cut_source_tokens)
        if data.task == "summarize":
            systems["first sentence"] = LeadSentence()
    results = []
    start = 0
    for each in sets:
        numbers = range(len(each.sources))
        here, there = ({n for n in numbers if n + start in found} for found in (near, known))
        parts = {"known": sorted(there), "unknown": sorted({*numbers} - there)}
        results.append({**figures(each, here, there), **scores(systems, each, data.task, parts)})
        start += len(numbers)
    searched = {"recipe": options.recipe, "pairs": len(pairs)}
    print(json.dumps({"benchmark": "leakage", "machine": machine(), **searched, "results": results}))


if __name__ == "__main__":
    main()
