"""The most probable tokens of each row of logits, and the best extensions of each slot, without sorting the vocabulary.

Legend: R rows, P panels of 64 columns, N slots, K beam width, M candidates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from model_store.decoding.backends.simd.compiled import compiled
from model_store.decoding.backends.simd.instructions import largest_of
from model_store.decoding.backends.simd.kernels import Array, exp
from model_store.decoding.backends.simd.team import finish, take, wait
from model_store.decoding.backends.simd.tiles import COLUMNS

NEVER = np.float32(-math.inf)


@compiled
def insert(values: Array, marks: Array, held: int, value: Any, mark: int) -> int:
    """Put a value into a list of the largest, best first, behind its equals; returns how many it then holds."""
    place = held
    while place > 0 and value > values[place - 1]:
        place -= 1
    if place == len(values):
        return held
    last = min(held, len(values) - 1)
    for index in range(last, place, -1):
        values[index] = values[index - 1]
        marks[index] = marks[index - 1]
    values[place] = value
    marks[place] = mark
    return last + 1


@compiled
def log_of_sum(row: Array, highest: Any, sums: Array) -> Any:
    """log(sum(exp(row - highest))), in a fixed order of sums. row: shape = (P, 64). sums: float32, shape = (64,)."""
    for column in range(COLUMNS):
        sums[column] = 0
    for panel in range(len(row)):
        for column in range(COLUMNS):
            sums[column] += exp(row[panel, column] - highest)
    total = 0.0
    for column in range(COLUMNS):
        total += sums[column]
    return np.float32(math.log(total))


@compiled
def most_probable(row: Array, values: Array, tokens: Array, panels: Array, maxima: Array, work: Array) -> None:
    """The natural-log probabilities of the most probable tokens of a row of logits, best first; of equals the lower id.

    row: shape = (P, 64). values: float32, tokens: int64, shape = (M,). To work in: panels: int64, shape = (M,), maxima:
    float32, shape = (P,), work: float32, shape = (64,). The largest values lie in the panels of the largest maxima, so
    only these are searched: one further on holds no value that would be preferred.
    """
    searched = 0
    for panel in range(len(row)):
        maxima[panel] = largest_of(row.ctypes.data + 4 * COLUMNS * panel)
    for panel in range(len(row)):
        if searched < len(values) or maxima[panel] > values[searched - 1]:
            searched = insert(values, panels, searched, maxima[panel], panel)
    highest = values[0]
    panels[:searched].sort()
    found = 0
    for index in range(searched):
        for column in range(COLUMNS):
            value = row[panels[index], column]
            if found < len(values) or value > values[found - 1]:
                found = insert(values, tokens, found, value, panels[index] * COLUMNS + column)
    normaliser = log_of_sum(row, highest, work)
    for index in range(found):
        values[index] = values[index] - highest - normaliser


@compiled
def best_extensions(
    thread: int,
    counters: Array,
    logits: Array,
    log_prob: Array,
    forbidden: Array,
    values: Array,
    tokens: Array,
    best: Array,
    parents: Array,
    chosen: Array,
    panels: Array,
    maxima: Array,
    work: Array,
) -> None:
    """The best one-token extensions of each slot, in two phases.

    logits: shape = (N * K, P, 64), overwritten. log_prob: shape = (N, K). forbidden: ids. best, parents, chosen: what
    is found, shape = (N, M'), M' <= K * M. To work in: values, tokens: of each row, shape = (N * K, M); panels, maxima,
    work: of each thread, shape = (T, M), (T, P), (T, 64).
    """
    slots, width = log_prob.shape
    while True:
        row = take(counters, 0, len(logits))
        if row < 0:
            break
        for index in range(len(forbidden)):
            logits[row, forbidden[index] // COLUMNS, forbidden[index] % COLUMNS] = NEVER
        most_probable(logits[row], values[row], tokens[row], panels[thread], maxima[thread], work[thread])
        finish(counters, 0)
    wait(counters, 0, len(logits))
    while True:
        slot = take(counters, 1, slots)
        if slot < 0:
            break
        merge(slot * width, log_prob[slot], values, tokens, best[slot], parents[slot], chosen[slot])
        finish(counters, 1)
    wait(counters, 1, slots)


@compiled
def merge(
    first: int, log_prob: Array, values: Array, tokens: Array, best: Array, parents: Array, chosen: Array
) -> None:
    """The best of the rows of one slot, which begin at `first`; of equals the lower row, then its better one, first."""
    found = 0
    for hypothesis in range(len(log_prob)):
        for index in range(values.shape[1]):
            total = log_prob[hypothesis] + values[first + hypothesis, index]
            if found < len(best) or total > best[found - 1]:
                found = insert(best, chosen, found, total, hypothesis * values.shape[1] + index)
    for index in range(found):
        place = chosen[index]
        parents[index] = place // values.shape[1]
        chosen[index] = tokens[first + parents[index], place % values.shape[1]]
