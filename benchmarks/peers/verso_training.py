"""Verso's trainer as one program among the others. variant: a precision of the trainer."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import torch

from benchmarks.peers.protocol import answer
from benchmarks.peers.training_work import (
    CLIP,
    DROPOUT,
    LEARNING_RATE,
    SEED,
    SMOOTHING,
    TrainingSettings,
    random_pairs,
)
from model_store.config import DecoderConfig, NetworkConfig
from model_store.tokenizer import Tokenizer
from training.checkpoint import Position
from training.config import ExportConfig, Recipe, TokenizerConfig, TrainerConfig
from training.data_config import DataConfig
from training.dataset import Examples, PackedPairs
from training.progress import ProgressLog
from training.source_config import SourceConfig
from training.tokenizer_training import train_tokenizer
from training.trainer import Trainer

LANGUAGES = ("en", "ru")


def recipe(settings: TrainingSettings) -> Recipe:
    """The reference network, or one of its kind, as the trainer would be told of it."""
    return Recipe(
        data=DataConfig(
            directions=("-".join(LANGUAGES),),
            sources=(SourceConfig(name="random", format="tsv", left=LANGUAGES[0], right=LANGUAGES[1], path="none"),),
        ),
        tokenizer=TokenizerConfig(vocabulary=settings.vocabulary),
        network=NetworkConfig(
            vocabulary=settings.vocabulary,
            layers=settings.layers,
            hidden=settings.hidden,
            embedding=settings.hidden,
            dropout=DROPOUT,
            decoder=DecoderConfig(input_feeding=settings.feeding),
        ),
        trainer=TrainerConfig.model_validate(
            {
                "seed": SEED,
                "batch_tokens": settings.batch_tokens,
                "learning_rate": LEARNING_RATE,
                "label_smoothing": SMOOTHING,
                "gradient_clip": CLIP,
                "precision": settings.variant,
                "threads": settings.threads,
                "widths_multiple_of": settings.widths,
            }
        ),
        export=ExportConfig(name="random"),
    )


def tokenizer() -> Tokenizer:
    """One with marks for both languages; what else it knows does not matter, since the pairs are ids already."""
    words = [f"{first}{second}{last}" for first in ascii_lowercase for second in ascii_lowercase for last in "aeiou"]
    return train_tokenizer(
        words, TokenizerConfig(vocabulary=300), languages=LANGUAGES, tasks=(), formality=False, seed=SEED
    )


def examples(settings: TrainingSettings) -> Examples:
    pairs = random_pairs(settings)
    sides = [np.array(side, np.uint16) for pair in pairs for side in pair]
    count = len(pairs)
    packed = PackedPairs(
        ids=np.concatenate(sides),
        offsets=np.concatenate(([0], np.cumsum([len(side) for side in sides]))),
        left=np.zeros(count, np.int16),
        right=np.ones(count, np.int16),
        repeats=np.ones(count, np.int16),
        languages=LANGUAGES,
        formality=np.zeros((count, 2), np.int8),
    )
    return Examples(packed, [(LANGUAGES[0], LANGUAGES[1])], tokenizer(), "translate")


def opened(fields: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, object]]:
    settings = TrainingSettings(**fields)
    folder = Path(tempfile.mkdtemp())  # of curves, which stay empty
    data = examples(settings)
    log = ProgressLog(folder, every_steps=1_000_000)
    trainer = Trainer(recipe(settings), data, data, checkpoint=folder / "checkpoint.pt", log=log)
    updates = enumerate(trainer.updates(Position()), 1)

    def trained(command: dict[str, Any]) -> dict[str, object]:
        started = time.perf_counter()
        records, loading_s = [], 0.0
        for _update in range(command["updates"]):
            asked = time.perf_counter()
            step, update = next(updates)
            loading_s += time.perf_counter() - asked
            records.append(trainer.update(update, step, 0.0))
        loss = float(sum(record.negative_log_likelihood for record in records))  # waits for the device
        tokens = sum(record.target_tokens for record in records)
        return {
            "seconds": time.perf_counter() - started,
            "loading_s": loading_s,
            "target_tokens": tokens,
            "source_tokens": sum(record.source_tokens for record in records),
            "loss": loss / tokens,
            "device_peak_mb": torch.cuda.max_memory_allocated() // 2**20 if torch.cuda.is_available() else None,
        }

    return trained


if __name__ == "__main__":
    answer(opened)
