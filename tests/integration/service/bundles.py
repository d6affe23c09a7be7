"""A small bundle with random weights, which translates nonsense, but the whole way and always the same."""

from __future__ import annotations

from pathlib import Path

import torch

from model_store.bundle import BundleDescription, save_bundle
from model_store.config import DecodingConfig, NetworkConfig, Task
from model_store.network.seq2seq import Seq2Seq
from tests.unit.service.fakes import tiny_tokenizer

DECODING = DecodingConfig(max_source_length=40, max_length_factor=0.5, max_length_offset=5)


def random_bundle(
    store: Path,
    name: str = "random",
    *directions: tuple[str, str],
    version: str = "1",
    seed: int = 1,
    task: Task = "translate",
) -> None:
    """Save <store>/<name>/<version>, by default for English and Russian both ways and English to German."""
    tokenizer = tiny_tokenizer()
    network = NetworkConfig(vocabulary=tokenizer.vocabulary, layers=1, hidden=16, embedding=16)
    description = BundleDescription(
        name=name,
        version=version,
        task=task,
        directions=directions or (("en", "ru"), ("ru", "en"), ("en", "de")),
        network=network,
        decoding=DECODING,
    )
    torch.manual_seed(seed)
    weights = {key: tensor * 8 for key, tensor in Seq2Seq(network).state_dict().items()}
    save_bundle(store / name / version, description=description, weights=weights, tokenizer=tokenizer)
