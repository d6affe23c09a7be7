"""Which word of the source each word of the target translates, and which words of the source none does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import regex

from model_store.decoding.segment import Hypothesis
from model_store.tokenizer import Tokenizer
from service.pipeline.spans import token_spans
from service.pipeline.translation import Link
from service.text.edits import Span

_WORDS = regex.compile(r"[\w\p{M}]+|[^\w\s]", regex.V1)
# A word that says something has more letters than "of", "the", "and"; attention passes most short ones by.
_SHORT_WORD = 3
# Attention that a word gets from all of the target, in tokens. See docs/quality.md for how it was chosen.
_LEAST_COVERAGE = 0.2

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

    A word that stands in both texts is linked to itself; attention chooses where it stands there several times.

    Args:
        lags: whether the weight of a word may lie on the one to its left, as a reversed encoder has it: the state
            there has read this word last. Then a word counts what lies on both. See docs/architecture.md.

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
    source_words, target_words = _word_spans(source), _word_spans(target)
    if not source_words or not target_words:
        return Alignment((), ())
    # One more than the words: a place in front of the first one, for the control tokens.
    columns = [0] * prefix + [index + 1 for index in _word_indices(source_spans, source_words)]
    by_token = np.zeros((len(target_spans), len(source_words) + 1), dtype=np.float32)
    np.add.at(by_token.T, columns, _weights(hypothesis, len(source_ids))[:, : len(columns)].T)
    near = by_token[:, 1:] + by_token[:, :-1] if lags else by_token[:, 1:]
    by_word = np.zeros((len(target_words), len(source_words)), dtype=np.float32)
    np.add.at(by_word, _word_indices(target_spans, target_words), near)
    same = _same(target, target_words, source, source_words)
    by_word += same * (by_word.sum(axis=1, keepdims=True) + 1)
    links = tuple(
        Link(source_words[int(row.argmax())], span)
        for span, row in zip(target_words, by_word, strict=True)
        if row.max() > 0
    )
    coverage = near.sum(axis=0) if hypothesis.attention is not None else np.ones(len(source_words))
    uncovered = tuple(
        (start, end)
        for (start, end), mass in zip(source_words, coverage, strict=True)
        if mass < _LEAST_COVERAGE and end - start > _SHORT_WORD and source[start:end].isalpha()
    )
    return Alignment(links, uncovered)


def _weights(hypothesis: Hypothesis, source_length: int) -> Weights:
    """Attention, shape = (target tokens, source tokens); from the largest weights alone where there is no more."""
    if hypothesis.attention is not None:
        weights: Weights = hypothesis.attention.numpy()
        return weights
    largest = np.zeros((len(hypothesis.tokens), source_length), dtype=np.float32)
    largest[np.arange(len(hypothesis.tokens)), list(hypothesis.alignment or ())] = 1.0
    return largest


def _word_spans(text: str) -> list[Span]:
    return [match.span() for match in _WORDS.finditer(text)]


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
    in_source = np.array([source[slice(*span)].casefold() for span in source_words])
    in_target = np.array([target[slice(*span)].casefold() for span in target_words])
    same: Weights = (in_target[:, None] == in_source[None, :]).astype(np.float32)
    return same
