"""What tokens are translated by, learned from prepared pairs: for the vocabulary shortlist of a bundle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_store.translations import Translations
from training.config import ShortlistConfig
from training.dataset import BACK_TRANSLATED_ID, PackedPairs
from training.lexicon import Ints, model_1


def learn_translations(
    pairs: PackedPairs, directions: Sequence[tuple[str, str]], config: ShortlistConfig, *, vocabulary: int, seed: int
) -> dict[str, Translations]:
    """By target language; from all directions into it together."""
    rng = np.random.default_rng(seed)
    found = {}
    for target in dict.fromkeys(target for _source, target in directions):
        sides = [each for source, other in directions if other == target for each in _sides(pairs, source, target)]
        if len(sides) > config.pairs:
            sides = [sides[index] for index in np.sort(rng.choice(len(sides), config.pairs, replace=False))]
        texts = [(_words(pairs, pair, side), _words(pairs, pair, 1 - side)) for pair, side in sides]
        found[target] = _table([each for each in texts if len(each[0]) and len(each[1])], config, vocabulary)
    return found


def _sides(pairs: PackedPairs, source: str, target: str) -> list[tuple[int, int]]:
    """(pair, which of its sides is the source) of every pair of two languages whose target no model wrote."""
    if source not in pairs.languages or target not in pairs.languages:
        return []
    left, right = pairs.languages.index(source), pairs.languages.index(target)
    genuine = ~pairs.back_translated  # (P, 2)
    here = np.flatnonzero((pairs.left == left) & (pairs.right == right) & genuine[:, 1])
    there = np.flatnonzero((pairs.left == right) & (pairs.right == left) & genuine[:, 0])
    return [*((int(pair), 0) for pair in here), *((int(pair), 1) for pair in there)]


def _words(pairs: PackedPairs, pair: int, side: int) -> Ints:
    """Subword ids of a side without the tag of those that a model wrote, which is no word."""
    return np.array([id_ for id_ in pairs.side(pair, side) if id_ != BACK_TRANSLATED_ID], dtype=np.int64)


def _table(texts: Sequence[tuple[Ints, Ints]], config: ShortlistConfig, vocabulary: int) -> Translations:
    """The most probable translations of each token; the most frequent tokens of all targets are common."""
    lexicon = model_1(texts)
    order = np.lexsort((lexicon.target, -lexicon.probability, lexicon.source))
    source, target, probability = lexicon.source[order], lexicon.target[order], lexicon.probability[order]
    rank = np.arange(len(source)) - np.searchsorted(source, source)
    kept = (rank < config.most) & (probability >= config.least_probability)
    counts = np.bincount(source[kept], minlength=vocabulary)
    frequency = np.bincount(np.concatenate([text for _source, text in texts]), minlength=vocabulary)
    common = np.argsort(-frequency, kind="stable")[: config.common]
    return Translations(np.sort(common), np.concatenate(([0], np.cumsum(counts))), target[kept])
