"""What a bundle keeps of translations: the likeliest of each token, into each target language."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.config import ShortlistConfig
from training.dataset import BACK_TRANSLATED_ID, PackedPairs
from training.shortlist import learn_translations

VOCABULARY = 60


def packed(count: int) -> PackedPairs:
    """Token n of one language, 10 to 29, is n + 20 in the other; half of the pairs have their sides swapped."""
    rng = np.random.default_rng(1)
    sides = []
    for pair in range(count):
        words = 10 + rng.permutation(20)[:4]
        sides += [words, words + 20] if pair % 2 else [words + 20, words]
    swapped = np.arange(count) % 2
    return PackedPairs(
        np.concatenate(sides).astype(np.uint16),
        np.arange(2 * count + 1) * 4,
        (1 - swapped).astype(np.int16),
        swapped.astype(np.int16),
        np.ones(count, np.int16),
        ("xx", "yy"),
        np.zeros((count, 2), np.int8),
    )


def test_each_token_has_its_likeliest_translations() -> None:
    config = ShortlistConfig(pairs=1000, most=1, least_probability=0.5, common=3)
    found = learn_translations(packed(300), [("xx", "yy"), ("yy", "xx")], config, vocabulary=VOCABULARY, seed=1)
    assert sorted(found) == ["xx", "yy"]
    for language, step in (("yy", 20), ("xx", -20)):
        own = range(10, 30) if step > 0 else range(30, 50)
        for token in range(VOCABULARY):
            assert found[language].of(token).tolist() == ([token + step] if token in own else [])
        assert len(found[language].common) == 3
        assert set(found[language].common.tolist()) <= {token + step for token in own}


def test_more_are_kept_where_less_is_asked_of_them() -> None:
    config = ShortlistConfig(pairs=40, most=6, least_probability=0.0, common=1)
    found = learn_translations(packed(300), [("xx", "yy")], config, vocabulary=VOCABULARY, seed=1)
    assert list(found) == ["yy"]
    counts = np.diff(found["yy"].offsets)
    assert counts.max() == 6
    assert set(found["yy"].ids.tolist()) <= set(range(30, 50))
    assert 10 + 20 in found["yy"].of(10)


@pytest.mark.parametrize("written", [0, 1], ids=["left", "right"])
def test_nothing_is_learned_of_the_tag_or_into_what_a_model_wrote(written: int) -> None:
    plain = packed(300)
    tagged = plain.back_translated.copy()
    tagged[:, written] = True
    sides = [
        [BACK_TRANSLATED_ID, *plain.side(pair, side)] if tagged[pair, side] else plain.side(pair, side)
        for pair in range(len(plain))
        for side in (0, 1)
    ]
    pairs = replace(plain, ids=np.concatenate(sides).astype(np.uint16), offsets=np.cumsum([0, *map(len, sides)]))
    config = ShortlistConfig(pairs=1000, most=6, least_probability=0.0, common=25)
    directions = [("xx", "yy"), ("yy", "xx")]
    found = learn_translations(pairs, directions, config, vocabulary=VOCABULARY, seed=1)
    # A side is of either language in turn, so that each direction keeps every other pair.
    halves = {"yy": _every_other(plain, 1 - written), "xx": _every_other(plain, written)}
    for target, half in halves.items():
        way = [each for each in directions if each[1] == target]
        alone = learn_translations(half, way, config, vocabulary=VOCABULARY, seed=1)[target]
        for name in ("common", "offsets", "ids"):
            assert getattr(found[target], name).tolist() == getattr(alone, name).tolist()
        assert found[target].of(BACK_TRANSLATED_ID).tolist() == []


def _every_other(pairs: PackedPairs, first: int) -> PackedPairs:
    sides = [pairs.side(pair, side) for pair in range(first, len(pairs), 2) for side in (0, 1)]
    rows = {name: getattr(pairs, name)[first::2] for name in ("left", "right", "repeats", "formality")}
    return replace(pairs, ids=np.concatenate(sides).astype(np.uint16), offsets=np.cumsum([0, *map(len, sides)]), **rows)
