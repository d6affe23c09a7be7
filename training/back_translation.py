"""Which back-translated pairs are worth learning from, as the network finds that goes on with them.

Of a sentence that it does not know a model writes another one, and who learns from such a pair learns to make things
up. But given that other one, the sentence that people wrote is improbable. This is one of the two cross entropies by
which Junczys-Dowmunt 2018 (arXiv:1809.00197) tells translations from other pairs; by the other the model has written.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from training.cleaning import CleaningReport
from training.config import Recipe
from training.dataset import Examples, PackedPairs
from training.evaluation import on_best_device
from training.held_out import Corpus
from training.start import load_start
from training.teacher_forcing import token_nats


def without_improbable(corpus: Corpus, recipe: Recipe, report: CleaningReport) -> Corpus:
    """The corpus without the pairs whose genuine side has more than `most_nats`, if it states any.

    Raises as load_start, and ConfigError if that bundle does not know the genuine side's language.
    """
    most = corpus.config.most_nats
    if most is None or not corpus.pairs:
        return corpus
    nats = _nats_of_genuine(corpus, recipe)
    kept = [pair for pair, each in zip(corpus.pairs, nats, strict=True) if each <= most]
    report.drop(corpus.config.name, "improbable", len(corpus.pairs) - len(kept))
    return Corpus(corpus.config, kept)


def _nats_of_genuine(corpus: Corpus, recipe: Recipe) -> NDArray[np.float64]:
    """The loss of each pair's genuine side, given the other, in nats a token with EOS: shape = (P,). Pairs that have
    too many tokens to be learned are not read, and have none."""
    assert recipe.start_from is not None  # which Recipe sees to
    bundle = load_start(recipe.start_from)
    config, tokenizer = corpus.config, bundle.tokenizer
    cut, most = recipe.data.cut_source_tokens, recipe.data.max_tokens
    lefts, rights = (tokenizer.encode_many([getattr(one, side) for one in corpus.pairs]) for side in ("left", "right"))
    pairs = [(left[:cut], right) for left, right in zip(lefts, rights, strict=True)]
    short = np.array([max(map(len, pair)) <= most for pair in pairs])
    packed = PackedPairs.of(list(itertools.compress(pairs, short)), (config.left, config.right))
    network = on_best_device(bundle.network())
    device = next(network.parameters()).device
    nats = np.zeros(len(pairs))
    nats[short] = token_nats(
        network,
        Examples(packed, config.ways, tokenizer, recipe.data.task),
        batch_tokens=recipe.trainer.batch_tokens,
        device=device,
    )
    return nats
