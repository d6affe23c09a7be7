"""Which word of the source each word of the target translates, and which words of the source none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_store.decoding.segment import Hypothesis
from model_store.tokenizer import Tokenizer
from service.pipeline.attended import translated_words
from service.pipeline.spans import token_spans
from service.pipeline.translation import Link
from service.text.edits import Span
from service.text.words import is_word, says_little, word_spans

# Attention passes most words of no more letters by.
_SHORT_WORD = 3
# Attention that a word gets from all of the target, in tokens. See docs/quality.md for how it was chosen.
_LEAST_COVERAGE = 0.1

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Alignment:
    """links: for each word or punctuation mark of the target, the one of the source that it translates. uncovered:
    words of the source that no part of the target attends to."""

    links: tuple[Link, ...]
    uncovered: tuple[Span, ...]


def align(
    source: str, target: str, source_ids: Sequence[int], hypothesis: Hypothesis, tokenizer: Tokenizer, *, lags: bool
) -> Alignment | None:
    """The alignment by attention, summed over the tokens of each word.

    Words go with words and punctuation with punctuation; a mark that the source has nothing like has no link. What
    stands in both texts is linked to itself; attention chooses where it stands there several times. With an encoder
    that lags, words which have been passed over get theirs back (`_pass_on`).

    Args:
        lags: whether the encoder is a reversed one; service/pipeline/attended.py says what that means.

    Returns None if the network has no attention, or if the tokens do not spell the texts (which only a text with
    U+2581, or a decoder that writes broken UTF-8, brings about).
    """
    if hypothesis.alignment is None:
        return None
    prefix = tokenizer.source_prefix
    source_spans = token_spans(tokenizer.pieces(source_ids[prefix:-1]), source)
    target_spans = token_spans(tokenizer.pieces(hypothesis.tokens), target)
    if source_spans is None or target_spans is None:
        return None
    source_words, target_words = word_spans(source), word_spans(target)
    if not source_words or not target_words:
        return Alignment((), ())
    of_tokens = _word_indices(source_spans, source_words)
    translated = translated_words(of_tokens, prefix, len(source_ids), lags=lags)
    near = _summed(_weights(hypothesis, len(source_ids)).T, translated, len(source_words)).T
    by_word = _summed(near, _word_indices(target_spans, target_words), len(target_words))
    in_source = np.array([is_word(source, span) for span in source_words])
    in_target = np.array([is_word(target, span) for span in target_words])
    by_word *= in_target[:, None] == in_source
    same = _same(target, target_words, source, source_words)
    preferred = by_word + same * (by_word.sum(axis=1, keepdims=True) + 1)
    found = np.where(preferred.max(axis=1) > 0, preferred.argmax(axis=1), -1).tolist()
    if lags:
        free = ~same.any(axis=1) & in_target
        _pass_on(
            found, by_word, free.tolist(), in_source.tolist(), [says_little(source, span) for span in source_words]
        )
    links = tuple(Link(source_words[word], span) for span, word in zip(target_words, found, strict=True) if word >= 0)
    return Alignment(links, _uncovered(source, source_words, near if hypothesis.attention is not None else None, found))


def _weights(hypothesis: Hypothesis, source_length: int) -> Weights:
    """Attention, shape = (target tokens, source tokens); from the largest weights alone where there is no more."""
    if hypothesis.attention is not None:
        weights: Weights = hypothesis.attention.numpy()
        return weights
    largest = np.zeros((len(hypothesis.tokens), source_length), dtype=np.float32)
    largest[np.arange(len(hypothesis.tokens)), list(hypothesis.alignment or ())] = 1.0
    return largest


def _summed(rows: Weights, groups: Sequence[int], count: int) -> Weights:
    """The sum of each of `count` groups of rows, in their order: (rows, columns) -> (count, columns). groups: which one
    each row belongs to; -1 for none."""
    sums = [np.zeros(rows.shape[1], dtype=np.float32) for _group in range(count + 1)]
    for group, row in zip(groups, rows, strict=True):
        sums[group] += row
    return np.stack(sums[:count])


def _pass_on(
    found: list[int], weights: Weights, free: Sequence[bool], words: Sequence[bool], little: Sequence[bool]
) -> None:
    """Give words of the source without a link one of those in front of it, since attention passes short words over.

    From a word that says little a word that says something takes even its only link; any other gives one of several.
    The nearest that can gives it: the one with most attention on the word that takes it.

    Args:
        found: the word of the source for each word of the target, or -1; changed. weights: shape = (target words,
            source words). free: the words of the target that may get another one. words, little: whether each word of
            the source is no punctuation mark, and whether it says little.
    """
    held: dict[int, list[int]] = {}
    for index, word in enumerate(found):
        if word >= 0 and free[index]:
            held.setdefault(word, []).append(index)
    for word in sorted({index for index, there in enumerate(words) if there} - set(found)):
        for giver in range(word - 1, -1, -1):
            theirs = held.get(giver, [])
            if len(theirs) > (1 if little[word] or not little[giver] else 0):
                given = max(theirs, key=lambda index: float(weights[index, word]))
                theirs.remove(given)
                held[word], found[given] = [given], word
                break
            if not little[giver]:
                break


def _uncovered(source: str, words: Sequence[Span], near: Weights | None, found: Sequence[int]) -> tuple[Span, ...]:
    """Words that nothing is linked to and little attention is on. near: shape = (target tokens, words)."""
    if near is None:
        return ()
    linked = set(found)
    coverage = near.sum(axis=0).tolist()
    return tuple(
        (start, end)
        for index, (start, end) in enumerate(words)
        if end - start > _SHORT_WORD
        and source[start:end].isalpha()
        and index not in linked
        and coverage[index] < _LEAST_COVERAGE
    )


def _word_indices(tokens: Sequence[Span | None], words: Sequence[Span]) -> list[int]:
    """The word that each token is a part of; a token of only a space belongs to the next one."""
    indices: list[int] = []
    word = 0
    for token in tokens:
        while token and word < len(words) - 1 and words[word][1] <= token[0]:
            word += 1
        is_space = token is None and indices and word < len(words) - 1
        indices.append(word + 1 if is_space else word)
    return indices


def _same(target: str, target_words: Sequence[Span], source: str, source_words: Sequence[Span]) -> Weights:
    """1 where a word of the target stands in the source too, shape = (target words, source words)."""
    places: dict[str, list[int]] = {}
    for index, span in enumerate(source_words):
        places.setdefault(source[slice(*span)].casefold(), []).append(index)
    same = np.zeros((len(target_words), len(source_words)), dtype=np.float32)
    for row, span in enumerate(target_words):
        same[row, places.get(target[slice(*span)].casefold(), [])] = 1.0
    return same
