"""Word pairs: a dictionary that sentences were made from is found again, and nothing else."""

from __future__ import annotations

import random

import pytest

from training import word_pairs as module
from training.corpora.pair import SentencePair
from training.word_pairs import word_pairs

DICTIONARY = {
    "house": "Haus",
    "water": "Wasser",
    "green": "grün",
    "sleeps": "schläft",
    "never": "niemals",
    "mother-in-law": "Schwiegermutter",
    "hotel": "Hotel",
    "ox": "Ochse",
    "today": "heute",
    "Monday": "Montag",
}
# Not the same word in both, nor shorter than three letters.
FOUND = {pair for pair in DICTIONARY.items() if pair[0] not in ("hotel", "ox")}


def sentence(words: list[str]) -> str:
    """The words as a sentence, with a capital first."""
    text = " ".join(words) + "."
    return text[:1].upper() + text[1:]


def sentences(count: int, *, seed: int = 1) -> list[SentencePair]:
    rng = random.Random(seed)
    drawn = [rng.sample(list(DICTIONARY), rng.randint(2, 5)) for _ in range(count)]
    return [SentencePair(sentence(words), sentence([DICTIONARY[word] for word in reversed(words)])) for words in drawn]


def test_the_words_that_sentences_were_made_of_are_found_as_they_are_written_within_them() -> None:
    found = word_pairs(sentences(200), seed=1)
    assert {(pair.left, pair.right) for pair in found} == FOUND
    turned = [SentencePair(pair.right, pair.left) for pair in sentences(200)]
    assert {(pair.right, pair.left) for pair in word_pairs(turned, seed=1)} == FOUND


def test_the_most_frequent_words_come_first() -> None:
    often = [SentencePair("never", "niemals")] * 100
    assert word_pairs([*sentences(200), *often], seed=1)[0] == SentencePair("never", "niemals")


@pytest.mark.parametrize(("times", "found"), [(module.LEAST_COUNT - 1, False), (module.LEAST_COUNT, True)])
def test_a_word_has_to_be_seen_often_enough(times: int, found: bool) -> None:
    rare = [SentencePair("A walrus.", "Ein Walross.")] * times + [SentencePair("A", "Ein")] * 20
    assert (SentencePair("walrus", "Walross") in word_pairs(rare, seed=1)) == found


def test_a_word_that_is_translated_in_many_ways_is_left_out() -> None:
    ways = [SentencePair("run", translation) for translation in ("laufen", "rennen", "fahren")] * 10
    assert word_pairs(ways, seed=1) == []


def test_long_texts_are_left_out_and_of_too_many_as_many_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    long = SentencePair(" ".join(["walrus"] * 26), "morsa")
    assert word_pairs([long] * 10, seed=1) == []
    assert word_pairs([SentencePair("walrus", "morsa")] * 10, seed=1) == [SentencePair("walrus", "morsa")]
    monkeypatch.setattr(module, "MOST_PAIRS", 4)
    assert word_pairs([SentencePair("walrus", "morsa")] * 10, seed=1) == []


def test_nothing_is_learned_from_nothing() -> None:
    assert word_pairs([], seed=1) == []
    assert word_pairs([SentencePair("1 + 1", "2")], seed=1) == []
