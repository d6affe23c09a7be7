"""Cuts of words: the text stays, the shares are those of the probabilities, each epoch has its own."""

from __future__ import annotations

from collections import Counter
from math import exp

import numpy as np
import pytest

from model_store.errors import ConfigError
from model_store.tokenizer import Tokenizer
from tests.unit.training.tiny import packed, sentence_pairs, tokenizer
from training.config import TokenizerConfig
from training.dataset import PackedPairs
from training.subword_sampling import CUTS, SubwordSampler
from training.tokenizer_training import train_tokenizer

# Spaces at both ends and in a row, an empty side, bytes, what looks like a control symbol, digits, no space at all.
ODD = [("  ab  cd ", "ABC"), ("", "ABE BA"), ("ab\u2581 cde", "\U0001f98a DE"), ("<2xx> abc", "1234 BC"), ("fgh", "H")]


@pytest.fixture(scope="module", name="words")
def words_fixture() -> Tokenizer:
    """A vocabulary with more than letters."""
    texts = [text for pair in sentence_pairs(300) for text in pair]
    return train_tokenizer(texts, TokenizerConfig(vocabulary=400), languages=("xx", "yy"), seed=1)


def corpus(words: Tokenizer, texts: list[tuple[str, str]]) -> PackedPairs:
    return packed([(words.encode(left), words.encode(right)) for left, right in texts])


def sides(pairs: PackedPairs) -> list[list[int]]:
    return [pairs.side(pair, side) for pair in range(len(pairs)) for side in (0, 1)]


@pytest.mark.parametrize("alpha", [0.01, 0.5])
def test_every_text_stays_what_it_was(words: Tokenizer, alpha: float) -> None:
    texts = [*ODD, *sentence_pairs(40)]
    pairs = corpus(words, texts)
    longest = max(map(len, sides(pairs)))
    sampler = SubwordSampler(pairs, words, alpha=alpha)
    for epoch in range(3):
        drawn = sampler.draw(1, epoch)
        assert [words.decode(side) for side in sides(drawn)] == [text for pair in texts for text in pair]
        assert sides(drawn) != sides(pairs)
        assert max(map(len, sides(drawn))) <= longest


def test_seed_and_epoch_alone_decide(words: Tokenizer) -> None:
    pairs = corpus(words, sentence_pairs(20))
    first, second = (SubwordSampler(pairs, words, alpha=0.2) for _ in range(2))
    drawn = {(seed, epoch): str(sides(first.draw(seed, epoch))) for seed in (1, 2) for epoch in (0, 1)}
    assert len(set(drawn.values())) == 4
    assert str(sides(second.draw(1, 1))) == drawn[1, 1]


def test_cuts_come_as_often_as_their_probabilities_say(words: Tokenizer) -> None:
    alpha, count = 0.3, 20_000
    word = words.encode("abcdefgh")
    cuts = words.cuts(word, CUTS)
    assert len(cuts) > 3
    drawn = SubwordSampler(packed([(word, word)] * (count // 2)), words, alpha=alpha).draw(1, 0)
    found = Counter(map(tuple, sides(drawn)))
    allowed = [(tuple(cut), exp(alpha * score)) for cut, score in cuts if len(cut) <= len(word)]
    # A cut longer than the longest side is replaced by the best.
    total = sum(exp(alpha * score) for _cut, score in cuts)
    expected = {cut: weight / total for cut, weight in allowed}
    expected[tuple(word)] += 1 - sum(expected.values())
    assert set(found) <= set(expected)
    for cut, share in expected.items():
        assert found[cut] / count == pytest.approx(share, abs=4 * np.sqrt(share / count))


def test_the_best_cut_is_the_one_that_encoding_makes(words: Tokenizer) -> None:
    for text, _backwards in sentence_pairs(20):
        for word in text.split():
            (best, score), *others = words.cuts(words.encode(word), CUTS)
            assert best == words.encode(word)
            assert len(others) < CUTS
            assert all(worse <= score and words.decode(cut) == word for cut, worse in others)


def test_nothing_is_drawn_from_nothing() -> None:
    assert len(SubwordSampler(packed([]), tokenizer(), alpha=0.5).draw(1, 0)) == 0


def test_a_vocabulary_of_merges_is_refused() -> None:
    texts = [text for pair in sentence_pairs(300) for text in pair]
    merges = train_tokenizer(texts, TokenizerConfig(vocabulary=300, model="bpe"), languages=("xx", "yy"), seed=1)
    with pytest.raises(ConfigError, match=r"tokenizer\.model: 'bpe' cuts a word in one way only"):
        SubwordSampler(corpus(merges, sentence_pairs(3)), merges, alpha=0.5)
