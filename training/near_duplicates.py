"""Splits off a test set so that nothing like it is left to train on: by clusters of near duplicates.

Texts are near duplicates if their sets of word triples overlap enough (Jaccard), estimated by MinHash and found by
locality-sensitive hashing (Broder 1997; Leskovec et al., Mining of Massive Datasets, chapter 3; library: datasketch).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence

import regex
from datasketch import MinHash, MinHashLSH

from training.draw import order_drawn

PERMUTATIONS = 64
SHINGLE_WORDS = 3
_WORD = regex.compile(r"\w+")


class NearDuplicates:
    """An index of texts. threshold: the Jaccard similarity of their word triples from which two count as the same."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self._index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
        with self._index.insertion_session() as session:
            for number, each in enumerate(MinHash.bulk(list(map(shingles, texts)), num_perm=PERMUTATIONS)):
                session.insert(number, each, check_duplication=False)

    def cluster(self, number: int) -> set[int]:
        """The text itself and all that are linked to it by chains of near duplicates.

        Texts of one bucket are near each other. Each bucket is read once, since many have all of a large cluster.
        """
        found, waiting, read = {number}, [number], set[tuple[int, bytes]]()
        while waiting:
            for table, key in enumerate(self._index.keys.get(waiting.pop())):
                if (table, key) not in read:
                    read.add((table, key))
                    near = set(self._index.hashtables[table].get(key)) - found
                    found |= near
                    waiting += near
        return found

    def near(self, texts: Iterable[str]) -> Iterator[set[int]]:
        """For each of other texts the numbers of the indexed ones that it is probably a near duplicate of."""
        for each in MinHash.generator(map(shingles, texts), num_perm=PERMUTATIONS):
            yield set(self._index.query(each))


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of the word triples of two texts, 0 to 1."""
    first, second = set(shingles(one)), set(shingles(other))
    return len(first & second) / len(first | second)


def hold_out(
    texts: Sequence[str], count: int, *, threshold: float, seed: int, among: Container[int] | None = None
) -> tuple[list[int], set[int]]:
    """Draw `count` texts for a test, no two of one cluster. among: the numbers of those that may be; None for all.

    Returns their numbers, in the order drawn, and the numbers of all texts that have to leave the training data for
    them: their whole clusters. Fewer are drawn if there are fewer clusters.
    """
    duplicates = NearDuplicates(texts, threshold)
    drawn: list[int] = []
    leaving: set[int] = set()
    for number in order_drawn((text.encode() for text in texts), seed):
        if len(drawn) == count:
            break
        if number not in leaving and (among is None or number in among):
            drawn.append(number)
            leaving |= duplicates.cluster(number)
    return drawn, leaving


def shingles(text: str) -> list[bytes]:
    """Triples of words, or the words of a text that has fewer."""
    words = _WORD.findall(text.casefold())
    triples = [" ".join(words[start : start + SHINGLE_WORDS]) for start in range(len(words) - SHINGLE_WORDS + 1)]
    return [each.encode() for each in triples or words or [text]]
