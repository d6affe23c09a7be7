"""A tiny corpus of reversed words, its tokenizer, a recipe for it, and examples of random ids."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model_store.config import NetworkConfig
from model_store.tokenizer import Tokenizer
from training.checkpoint import Position
from training.config import ExportConfig, Recipe, TokenizerConfig, TrainerConfig
from training.data_config import DataConfig
from training.dataset import Examples, PackedPairs
from training.progress import ProgressLog, StepRecord
from training.source_config import SourceConfig
from training.tokenizer_training import train_tokenizer

VOCABULARY = 300
LETTERS = "abcdefgh"


def sentence_pairs(count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Different sentences of two to five words, each with itself spelled backwards in capitals."""
    generator = random.Random(seed)
    sentences: dict[str, None] = {}
    while len(sentences) < count:
        words = ["".join(generator.choices(LETTERS, k=generator.randint(2, 6))) for _ in range(generator.randint(2, 5))]
        sentences[" ".join(words)] = None
    return [(sentence, sentence[::-1].upper()) for sentence in sentences]


def write_tsv(path: Path, pairs: list[tuple[str, str]]) -> None:
    """One pair a line."""
    path.write_text("".join(f"{left}\t{right}\n" for left, right in pairs), encoding="utf-8")


@lru_cache
def tokenizer(*, formality: bool = False) -> Tokenizer:
    """Learned from the corpus; languages are xx (as it is) and yy (backwards)."""
    texts = [text for pair in sentence_pairs(300) for text in pair]
    return train_tokenizer(
        texts, TokenizerConfig(vocabulary=VOCABULARY), languages=("xx", "yy"), formality=formality, seed=1
    )


def recipe(*, network: dict[str, Any] | None = None, trainer: dict[str, Any] | None = None, **data: Any) -> Recipe:
    """One small network and a short run; `network`, `trainer` and `data` replace fields of theirs."""
    source = SourceConfig(name="words", format="tsv", left="xx", right="yy", path="words.tsv")
    return Recipe(
        data=DataConfig.model_validate({"directions": ("xx-yy", "yy-xx"), "sources": (source,), **data}),
        tokenizer=TokenizerConfig(vocabulary=VOCABULARY),
        network=NetworkConfig.model_validate(
            {"vocabulary": VOCABULARY, "layers": 2, "hidden": 8, "embedding": 8, "dropout": 0.2, **(network or {})}
        ),
        trainer=TrainerConfig.model_validate(
            {
                "batch_tokens": 60,
                "max_steps": 12,
                "learning_rate": 1e-2,
                "warmup_steps": 2,
                "average_decay": 0.9,
                "threads": 1,
                "log_every_steps": 1,
                "checkpoint_every_steps": 1000,
                "validate_every_steps": 1000,
                **(trainer or {}),
            }
        ),
        export=ExportConfig(name="words"),
    )


def packed(
    pairs: list[tuple[list[int], list[int]]],
    *,
    repeats: list[int] | None = None,
    formality: list[tuple[int, int]] | None = None,
) -> PackedPairs:
    """Pairs of ids, left xx and right yy."""
    plain = PackedPairs.of(pairs, ("xx", "yy"))
    return replace(
        plain,
        ids=plain.ids.astype(np.uint16),
        repeats=np.array(repeats or plain.repeats, dtype=np.int16),
        formality=np.array(formality or plain.formality, dtype=np.int8),
    )


def examples(count: int, *, seed: int = 0) -> Examples:
    """`count` pairs of the corpus in both directions."""
    encode = tokenizer().encode
    pairs = [(encode(left), encode(right)) for left, right in sentence_pairs(count, seed=seed)]
    return Examples(packed(pairs), (("xx", "yy"), ("yy", "xx")), tokenizer(), "translate")


class RecordingLog(ProgressLog):
    """Keeps what a run reports instead of showing it."""

    def __init__(self) -> None:
        self.records: list[StepRecord] = []
        self.positions: list[Position] = []
        self.figures: list[tuple[int, dict[str, float]]] = []
        self.resumed_at: list[Position] = []

    def resumed(self, position: Position) -> None:
        self.resumed_at.append(position)

    def step(self, record: StepRecord, done: float, position: Position) -> None:
        self.records.append(record)
        self.positions.append(position)

    def validation(self, figures: dict[str, float], position: Position) -> None:
        self.figures.append((position.step, figures))

    @property
    def losses(self) -> list[float]:
        """Nats a token, of each step."""
        return [float(each.negative_log_likelihood) / each.target_tokens for each in self.records]


def same(left: object, right: object) -> bool:
    """Whether two nested structures of tensors and plain values are equal bit for bit."""
    if isinstance(left, Tensor):
        return isinstance(right, Tensor) and left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return (
            type(left) is type(right)
            and isinstance(right, list | tuple)
            and len(left) == len(right)
            and all(map(same, left, right))
        )
    return left == right
