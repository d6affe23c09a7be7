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
    often = [SentencePair("A walrus.", "Ein Walross."), SentencePair("A.", "Ein.")]
    found = word_pairs([*sentences(40), *often * 40], seed=1)
    assert found[0] == SentencePair("walrus", "Walross")
    assert {(pair.left, pair.right) for pair in found[1:]} == FOUND


@pytest.mark.parametrize(("times", "found"), [(module.LEAST_COUNT - 1, False), (module.LEAST_COUNT, True)])
def test_a_word_has_to_be_seen_often_enough(times: int, found: bool) -> None:
    rare = [SentencePair("A walrus.", "Ein Walross.")] * times + [SentencePair("A", "Ein")] * 20
    assert (SentencePair("walrus", "Walross") in word_pairs(rare, seed=1)) == found


def test_a_word_that_is_translated_in_many_ways_is_left_out() -> None:
    verbs = {"run": ("laufe", "renne", "fahre"), "sleep": ("schlafe",)}
    texts = [SentencePair(f"I {verb}", f"ich {way}") for verb, ways in verbs.items() for way in ways] * 10
    assert word_pairs(texts, seed=1) == [SentencePair("sleep", "schlafe")]


def test_of_two_translations_the_likelier_is_taken() -> None:
    ways = [("the walrus", "das Walross")] * 6 + [("the walrus", "das Seepferd")] * 5 + [("the", "das")] * 9
    found = word_pairs([SentencePair(*pair) for pair in ways], seed=1)
    assert SentencePair("walrus", "Walross") in found
    assert all(pair.right != "Seepferd" for pair in found)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("of NATO", "der OTAN", SentencePair("NATO", "OTAN")),
        ("only today", "seulement aujourd'hui", None),
        ("a café", "ein नमस्ते", SentencePair("café", "नमस्ते")),
    ],
)
def test_words_are_taken_whole_and_as_they_are_spelled(left: str, right: str, expected: SentencePair | None) -> None:
    first = SentencePair(left.split()[0], right.split()[0])
    found = word_pairs([SentencePair(left, right), first] * 8, seed=1)
    if expected is not None:
        assert expected in found
    assert not {"nato", "aujourd", "hui", "नमस"} & {text for pair in found for text in (pair.left, pair.right)}


def test_a_word_only_ever_at_the_head_is_left_out() -> None:
    assert word_pairs([SentencePair("Walrus", "Walross")] * 10, seed=1) == []


def test_long_texts_are_left_out_and_of_too_many_as_many_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    long = SentencePair(" ".join(["a", *["walrus"] * 25]), "una morsa")
    assert word_pairs([long, SentencePair("a", "una")] * 10, seed=1) == []
    short = [SentencePair("a walrus", "una morsa"), SentencePair("a", "una")] * 10
    assert SentencePair("walrus", "morsa") in word_pairs(short, seed=1)
    monkeypatch.setattr(module, "MOST_PAIRS", 4)
    assert word_pairs(short, seed=1) == []


def test_nothing_is_learned_from_nothing() -> None:
    assert word_pairs([], seed=1) == []
    assert word_pairs([SentencePair("1 + 1", "2")], seed=1) == []
