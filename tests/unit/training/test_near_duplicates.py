"""A test set has no near duplicates left in the training data, nor two of them in itself."""

from __future__ import annotations

import random

import pytest
from datasketch.storage import DictSetStorage

from training.near_duplicates import PERMUTATIONS, NearDuplicates, hold_out


def texts(count: int) -> list[str]:
    """Families of four texts of thirty words that differ in their last word, and as many loners."""
    generator = random.Random(5)
    found = []
    for _family in range(count):
        stem = [f"w{generator.randrange(10_000)}" for _ in range(30)]
        found += [" ".join([*stem[:-1], f"end{ending}"]) for ending in range(4)]
        found.append(" ".join(f"w{generator.randrange(10_000)}" for _ in range(30)))
    return found


def family(number: int) -> set[int]:
    start = number - number % 5
    return {number} if number % 5 == 4 else set(range(start, start + 4))


def test_a_cluster_is_a_text_with_its_variants() -> None:
    duplicates = NearDuplicates(texts(8), threshold=0.6)
    assert [duplicates.cluster(number) for number in range(40)] == [family(number) for number in range(40)]


def test_clusters_are_chains() -> None:
    """The first and the last share little, but each is near the next."""
    words = [f"w{number}" for number in range(60)]
    chain = [" ".join(words[start : start + 40]) for start in range(0, 20, 4)]
    assert NearDuplicates(chain, threshold=0.6).cluster(0) == set(range(5))


def test_what_a_large_cluster_takes_grows_as_its_texts_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a memory of part lists has them: a line thousands of times, with another number at its end."""
    get, read = DictSetStorage.get, []

    def counted(table: DictSetStorage, key: bytes) -> set[int]:
        bucket: set[int] = get(table, key)
        read.append(len(bucket))
        return bucket

    stem = " ".join(f"w{number}" for number in range(30))
    duplicates = NearDuplicates([f"{stem} {number}" for number in range(300)], threshold=0.6)
    monkeypatch.setattr(DictSetStorage, "get", counted)
    assert duplicates.cluster(7) == set(range(300))
    assert sum(read) <= 300 * PERMUTATIONS


def test_drawn_texts_take_their_families_along() -> None:
    drawn, leaving = hold_out(texts(20), 12, threshold=0.6, seed=3)
    assert len(drawn) == 12
    assert leaving == set().union(*(family(number) for number in drawn))
    assert len({frozenset(family(number)) for number in drawn}) == 12
    assert hold_out(texts(20), 12, threshold=0.6, seed=3) == (drawn, leaving)
    assert hold_out(texts(20), 12, threshold=0.6, seed=4)[0] != drawn


def test_what_was_drawn_is_drawn_again_when_there_are_more() -> None:
    """Wherever the new ones stand; only they can take a place, so nothing that was learned from is drawn."""
    before = texts(20)
    old = {before[number] for number in hold_out(before, 12, threshold=0.6, seed=3)[0]}
    new = ["kkk lll mmm nnn ooo ppp", "qqq rrr sss ttt uuu vvv", *before, "www xxx yyy zzz aab aac"]
    drawn = {new[number] for number in hold_out(new, 12, threshold=0.6, seed=3)[0]}
    assert drawn - old <= set(new) - set(before)
    assert len(drawn & old) >= 12 - 3


def test_there_are_no_more_than_there_are_families() -> None:
    assert len(hold_out(texts(3), 100, threshold=0.6, seed=1)[0]) == 6


def test_short_texts_and_other_scripts_count_too() -> None:
    duplicates = NearDuplicates(["да", "Да!", "нет", "один два", "?", "!"], threshold=0.6)
    assert [sorted(duplicates.cluster(number)) for number in range(6)] == [[0, 1], [0, 1], [2], [3], [4], [5]]
