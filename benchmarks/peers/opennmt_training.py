"""OpenNMT-py 3.5.1's own Trainer, loss and optimizer, on the same batches; runs in its environment. variant: "fp32"."""

# ruff: noqa: I001
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmarks.peers.opennmt import modules
from benchmarks.peers.protocol import answer
from benchmarks.peers.training_work import (
    BEGIN,
    CLIP,
    DROPOUT,
    END,
    LEARNING_RATE,
    SMOOTHING,
    Pair,
    TrainingSettings,
    batches,
    random_pairs,
)

# Behind benchmarks.peers.opennmt, which lets onmt be imported without what it does not need here.
from onmt.models.model import NMTModel
from onmt.trainer import Trainer
from onmt.utils.loss import LossCompute
from onmt.utils.optimizers import Optimizer
from onmt.utils.report_manager import ReportMgr

SPREAD = 0.1  # of the weights that it starts from, as its command line has them


def network(settings: TrainingSettings) -> NMTModel:
    """With one table of embeddings for source, target and output."""
    model = modules(settings.vocabulary, settings.layers, settings.hidden, feeding=settings.feeding, dropout=DROPOUT)
    model.generator.weight = model.decoder.embeddings.word_lut.weight
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -SPREAD, SPREAD)
    return model


def padded(texts: list[list[int]]) -> Tensor:
    """shape = (B, longest, 1)"""
    return pad_sequence([torch.tensor(text) for text in texts], batch_first=True).unsqueeze(2)


def as_batch(pairs: list[Pair]) -> dict[str, Tensor]:
    """The marks that Verso's sources have are there too, so that both read as many tokens."""
    return {
        "src": padded([[BEGIN, *source, END] for source, _target in pairs]),
        "srclen": torch.tensor([len(source) + 2 for source, _target in pairs]),
        "tgt": padded([[BEGIN, *target, END] for _source, target in pairs]),
    }


def opened(fields: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, object]]:
    settings = TrainingSettings(**fields)
    torch.set_num_threads(settings.threads)
    torch.manual_seed(1)
    model = network(settings)
    loss = LossCompute(nn.CrossEntropyLoss(ignore_index=0, reduction="sum", label_smoothing=SMOOTHING), model.generator)
    optimizer = Optimizer(
        torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.998), eps=1e-9),
        LEARNING_RATE,
        max_grad_norm=CLIP,
    )
    trainer = Trainer(
        model,
        loss,
        loss,
        SimpleNamespace(transforms=None),
        {},
        optimizer,
        norm_method="tokens",
        n_gpu=0,
        gpu_rank=-1,
        report_manager=ReportMgr(1_000_000),
    )
    endless = batches(settings, random_pairs(settings))

    def numbered(count: int) -> Iterator[tuple[dict[str, Tensor], int]]:
        return ((as_batch(pairs), 0) for pairs in islice(endless, count))

    def trained(command: dict[str, Any]) -> dict[str, object]:
        started = time.perf_counter()
        found = trainer.train(numbered(command["updates"]), 0)
        return {
            "seconds": time.perf_counter() - started,
            "target_tokens": found.n_words,
            "source_tokens": found.n_src_words,
            "loss": found.xent(),
            "device_peak_mb": None,
        }

    return trained


if __name__ == "__main__":
    answer(opened)
