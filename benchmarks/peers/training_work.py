"""The training that is measured: random pairs of 5 to 40 tokens, in batches of like length. Needs NumPy alone.

Every program draws the same pairs and makes the same batches of them; one that wants its own way may not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import count

import numpy as np

from training.batching import plan_epoch

SHORTEST, LONGEST = 5, 40
RESERVED = 4  # ids of padding, unknown, begin and end
BEGIN, END = 2, 3
SEED = 1
DROPOUT = 0.2
SMOOTHING = 0.1
LEARNING_RATE = 1e-4
CLIP = 1.0

Pair = tuple[list[int], list[int]]


@dataclass(frozen=True)
class TrainingSettings:
    """variant: the program's precision. widths: as of Program. pairs: of an epoch. batch_tokens: target tokens of an
    update at most."""

    variant: str
    feeding: bool
    widths: int
    threads: int
    vocabulary: int
    layers: int
    hidden: int
    pairs: int
    batch_tokens: int

    def line(self) -> str:
        """As an argument of a program."""
        return json.dumps(asdict(self))


def random_pairs(settings: TrainingSettings) -> list[Pair]:
    """Sources, and targets of about as many tokens; the same on every machine. No marks of beginning and end."""
    rng = random.Random(SEED)

    def text(length: int) -> list[int]:
        return [rng.randrange(RESERVED, settings.vocabulary) for _token in range(length)]

    lengths = [rng.randint(SHORTEST, LONGEST) for _pair in range(settings.pairs)]
    return [(text(length), text(max(SHORTEST, length + rng.randint(-3, 3)))) for length in lengths]


def batches(settings: TrainingSettings, pairs: list[Pair]) -> Iterator[list[Pair]]:
    """Batch after batch without end, as Verso's trainer plans them: a source has two marks, a target one."""
    lengths = np.array([(len(source) + 2, len(target) + 1) for source, target in pairs])
    for epoch in count():
        plan = plan_epoch(*lengths.T, batch_tokens=settings.batch_tokens, seed=SEED, epoch=epoch)
        yield from ([pairs[index] for index in chosen] for chosen in plan)
